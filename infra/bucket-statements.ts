import { PolicyStatement } from "aws-cdk-lib/aws-iam";
import type { Construct } from "constructs";
import type { Config } from "./config.ts";
import { bucketArn } from "./names.ts";

/** Seeing what is in the buckets of releases and of staged files. */
export function listBuckets(scope: Construct, config: Config): PolicyStatement {
  return new PolicyStatement({
    sid: "ListBuckets",
    actions: ["s3:ListBucket", "s3:GetBucketLocation"],
    resources: [bucketArn(scope, config, "dags"), bucketArn(scope, config, "staging")],
  });
}

/** Reading releases, all of them: `bucketArn(scope, config, "dags", "*")`. */
export function readReleases(scope: Construct, config: Config): PolicyStatement {
  return new PolicyStatement({ sid: "ReadReleases", actions: ["s3:GetObject"], resources: [bucketArn(scope, config, "dags", "*")] });
}

/** Reading and writing staged files, by the ARNs of their keys. Nothing deletes one: the bucket's rules do. */
export function stageFiles(keys: readonly string[]): PolicyStatement {
  return new PolicyStatement({
    sid: "ReadAndWriteStagedFiles",
    actions: ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"],
    resources: [...keys],
  });
}
