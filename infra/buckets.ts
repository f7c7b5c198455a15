import { Duration, RemovalPolicy } from "aws-cdk-lib";
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
  type IBucket,
  type LifecycleRule,
  ObjectOwnership,
  StorageClass,
} from "aws-cdk-lib/aws-s3";
import { Construct } from "constructs";
import { acknowledge } from "./acknowledge.ts";
import type { Config } from "./config.ts";
import { EXPORTS, MARKERS } from "./keys.ts";
import { bucketName } from "./names.ts";

/** The bucket of releases, the one of staged files, and one for what they and the host log. */
export class Buckets extends Construct {
  readonly dags: Bucket;
  readonly staging: Bucket;
  /** As text of its own, for what has to exist before the bucket. */
  readonly stagingName: string;
  readonly logs: Bucket;

  constructor(scope: Construct, id: string, config: Config) {
    super(scope, id);
    this.stagingName = bucketName(this, config, "staging");
    const bucket = (name: string, bucketName: string, rules: LifecycleRule[], logs?: IBucket): Bucket =>
      new Bucket(this, name, {
        bucketName,
        versioned: true,
        encryption: BucketEncryption.S3_MANAGED,
        enforceSSL: true,
        minimumTLSVersion: 1.2,
        blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
        objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
        removalPolicy: config.keepData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
        lifecycleRules: [
          { id: "unfinished-uploads", abortIncompleteMultipartUploadAfter: Duration.days(7) },
          { id: "old-versions", noncurrentVersionExpiration: Duration.days(90), expiredObjectDeleteMarker: true },
          ...rules,
        ],
        ...(logs === undefined ? {} : { serverAccessLogsBucket: logs, serverAccessLogsPrefix: `s3/${name.toLowerCase()}/` }),
      });
    this.logs = bucket("Logs", bucketName(this, config, "logs"), [{ id: "logs", expiration: Duration.days(config.watching.logDays) }]);
    // Releases never expire: a rollback takes any of them.
    this.dags = bucket("Dags", bucketName(this, config, "dags"), [], this.logs as IBucket);
    this.staging = bucket("Staging", this.stagingName, stagingRules, this.logs as IBucket);
    acknowledge(this.logs, { S1: "It is where access logs go; logging its own access would feed itself." });
  }
}

const stagingRules: LifecycleRule[] = [
  {
    id: "staged-files",
    prefix: "staging/",
    transitions: [{ storageClass: StorageClass.INFREQUENT_ACCESS, transitionAfter: Duration.days(30) }],
    expiration: Duration.days(365),
  },
  { id: "markers", prefix: MARKERS, expiration: Duration.days(30) },
  { id: "exports", prefix: EXPORTS, expiration: Duration.days(7) },
];
