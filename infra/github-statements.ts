import { Stack } from "aws-cdk-lib";
import { Effect, PolicyStatement } from "aws-cdk-lib/aws-iam";
import type { Construct } from "constructs";
import type { Config } from "./config.ts";
import { documentNames } from "./documents.ts";
import { arn, bucketArn, globalArn } from "./names.ts";

/** The qualifier of CDK's bootstrap, which is in the names of what that makes. */
const QUALIFIER = "hnb659fds";

/** Reads releases, stacks, and the host's status. */
export function planStatements(scope: Construct, config: Config): PolicyStatement[] {
  return [
    new PolicyStatement({ sid: "FindReleases", actions: ["s3:ListBucket"], resources: [bucketArn(scope, config, "dags")] }),
    new PolicyStatement({ sid: "ReadReleases", actions: ["s3:GetObject"], resources: [bucketArn(scope, config, "dags", "*")] }),
    readStacks(scope, config),
    ...runDocuments(scope, config, ["dagline-status"]),
  ];
}

/** Puts releases and gives the host its commands. It leads to no other role. */
export function deployStatements(scope: Construct, config: Config): PolicyStatement[] {
  return [
    new PolicyStatement({ sid: "FindReleases", actions: ["s3:ListBucket"], resources: [bucketArn(scope, config, "dags")] }),
    new PolicyStatement({
      sid: "PutReleases",
      actions: ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"],
      resources: [bucketArn(scope, config, "dags", "*")],
    }),
    new PolicyStatement({
      sid: "DeleteNoRelease",
      effect: Effect.DENY,
      actions: ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutBucketPolicy", "s3:DeleteBucket"],
      resources: [bucketArn(scope, config, "dags"), bucketArn(scope, config, "dags", "*")],
    }),
    readStacks(scope, config),
    ...runDocuments(scope, config, documentNames),
    new PolicyStatement({ sid: "CancelWhatNobodyWaitsFor", actions: ["ssm:CancelCommand"], resources: ["*"] }),
  ];
}

/** Applies stacks by the roles that CDK's bootstrap made, and notes down what it applied. It reads what is deployed, to know the plan that was reviewed. */
export function applyStatements(scope: Construct, config: Config): PolicyStatement[] {
  const cdkRole = (name: string): string =>
    globalArn(scope, "iam", `role/cdk-${QUALIFIER}-${name}-role-${Stack.of(scope).account}-${config.region}`);
  return [
    new PolicyStatement({ sid: "FindReleases", actions: ["s3:ListBucket"], resources: [bucketArn(scope, config, "dags")] }),
    new PolicyStatement({ sid: "ReadReleases", actions: ["s3:GetObject"], resources: [bucketArn(scope, config, "dags", "*")] }),
    new PolicyStatement({
      sid: "NoteWhatIsApplied",
      actions: ["s3:PutObject"],
      resources: [bucketArn(scope, config, "dags", "infra.json")],
    }),
    readStacks(scope, config),
    new PolicyStatement({
      sid: "ApplyStacks",
      actions: ["sts:AssumeRole"],
      resources: ["deploy", "file-publishing", "lookup"].map(cdkRole),
    }),
    new PolicyStatement({
      sid: "ExecuteWhatWasPrepared",
      actions: ["cloudformation:DescribeChangeSet", "cloudformation:ExecuteChangeSet", "cloudformation:CancelUpdateStack"],
      resources: stacksOf(scope, config),
    }),
  ];
}

/** Why these statements name resources with a wildcard. */
export function wildcards(scope: Construct, config: Config): [resource: string, reason: string][] {
  return [
    ["*", "What came of a command is not bound to resources."],
    [bucketArn(scope, config, "dags", "*"), "A release's files have keys of their own."],
    ...stacksOf(scope, config).map((stack): [string, string] => [stack, "A stack's ARN ends in an id of its own."]),
    [arn(scope, "cloudformation", "stack/CDKToolkit/*"), "A stack's ARN ends in an id of its own."],
    [arn(scope, "ec2", "instance/*"), "The host is known by its tag, so that a new one needs no new policy."],
  ];
}

/** The stacks of this app alone: another team's may begin with the same prefix. */
function stacksOf(scope: Construct, { prefix }: Config): string[] {
  return ["network", "data", "access", "compute"].map((part) => arn(scope, "cloudformation", `stack/${prefix}-${part}/*`));
}

function readStacks(scope: Construct, config: Config): PolicyStatement {
  return new PolicyStatement({
    sid: "ReadStacks",
    actions: [
      "cloudformation:DescribeStacks",
      "cloudformation:DescribeStackEvents",
      "cloudformation:DescribeStackResources",
      "cloudformation:ListStackResources",
      "cloudformation:GetTemplate",
      "ssm:GetParameter",
    ],
    resources: [
      ...stacksOf(scope, config),
      arn(scope, "cloudformation", "stack/CDKToolkit/*"),
      arn(scope, "ssm", `parameter/cdk-bootstrap/${QUALIFIER}/version`),
    ],
  });
}

/** Running documents on the one host, and seeing what came of it. */
function runDocuments(scope: Construct, { host }: Config, names: readonly string[]): PolicyStatement[] {
  return [
    new PolicyStatement({
      sid: "RunDocuments",
      actions: ["ssm:SendCommand"],
      resources: names.map((name) => arn(scope, "ssm", `document/${name}`)),
    }),
    new PolicyStatement({
      sid: "OnTheHost",
      actions: ["ssm:SendCommand"],
      resources: [arn(scope, "ec2", "instance/*")],
      conditions: { StringEquals: { "ssm:resourceTag/Name": host.name } },
    }),
    new PolicyStatement({
      sid: "SeeWhatCameOfIt",
      actions: ["ssm:GetCommandInvocation", "ssm:DescribeInstanceInformation"],
      resources: ["*"],
    }),
  ];
}
