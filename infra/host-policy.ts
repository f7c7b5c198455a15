import { ManagedPolicy, PolicyStatement } from "aws-cdk-lib/aws-iam";
import type { LogGroup } from "aws-cdk-lib/aws-logs";
import type { Construct } from "constructs";
import { acknowledgeWildcards } from "./acknowledge.ts";
import { listBuckets, readReleases, stageFiles } from "./bucket-statements.ts";
import type { Config } from "./config.ts";
import type { DataStack } from "./data-stack.ts";
import { COMMANDS, MARKERS, METRICS } from "./keys.ts";
import { arn, bucketArn } from "./names.ts";

/** What the Airflow host may do. */
export function hostPolicy(scope: Construct, props: { config: Config; data: DataStack; logs: readonly LogGroup[] }): ManagedPolicy {
  const { config, data, logs } = props;
  const releases = bucketArn(scope, config, "dags", "*");
  const staged = ["staging/*", `${MARKERS}*`].map((keys) => bucketArn(scope, config, "staging", keys));
  // Airflow's secrets backend looks for a connection under PREFIX/connections: infra/host/airflow.cfg.
  const connections = arn(scope, "secretsmanager", `secret:${config.prefix}/connections/*`);
  const printed = bucketArn(scope, config, "logs", `${COMMANDS}*`);
  const policy = new ManagedPolicy(scope, "Policy", {
    managedPolicyName: `${config.prefix}-host-policy`,
    description:
      "Lets the Airflow host take commands by Session Manager, read releases, stage files, read its passwords, and tell how it fares",
    statements: [
      new PolicyStatement({
        sid: "TakeCommands",
        // What the SSM agent calls; AmazonSSMManagedInstanceCore would also let it read every parameter of the account.
        actions: [
          "ssm:UpdateInstanceInformation",
          "ssm:ListAssociations",
          "ssm:ListInstanceAssociations",
          "ssm:DescribeAssociation",
          "ssm:GetDocument",
          "ssm:DescribeDocument",
          "ssm:GetManifest",
          "ssm:UpdateAssociationStatus",
          "ssm:UpdateInstanceAssociationStatus",
          "ssm:PutConfigurePackageResult",
          "ssmmessages:CreateControlChannel",
          "ssmmessages:CreateDataChannel",
          "ssmmessages:OpenControlChannel",
          "ssmmessages:OpenDataChannel",
          "ec2messages:AcknowledgeMessage",
          "ec2messages:DeleteMessage",
          "ec2messages:FailMessage",
          "ec2messages:GetEndpoint",
          "ec2messages:GetMessages",
          "ec2messages:SendReply",
        ],
        resources: ["*"],
      }),
      listBuckets(scope, config),
      readReleases(scope, config),
      stageFiles(staged),
      new PolicyStatement({
        sid: "MoveThePointerBack",
        actions: ["s3:PutObject"],
        resources: [bucketArn(scope, config, "dags", "current.json")],
      }),
      new PolicyStatement({
        sid: "ReadPasswords",
        actions: ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"],
        resources: [connections, data.database.airflowSecret.secretArn],
      }),
      new PolicyStatement({
        sid: "WriteLogs",
        actions: ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"],
        resources: logs.map((group) => group.logGroupArn),
      }),
      new PolicyStatement({ sid: "FindLogs", actions: ["logs:DescribeLogGroups"], resources: ["*"] }),
      new PolicyStatement({
        sid: "KeepWhatCommandsPrint",
        actions: ["s3:PutObject"],
        resources: [printed],
      }),
      new PolicyStatement({
        sid: "SeeHowLogsAreEncrypted",
        actions: ["s3:GetEncryptionConfiguration"],
        resources: [bucketArn(scope, config, "logs")],
      }),
      new PolicyStatement({
        sid: "TellHowItFares",
        actions: ["cloudwatch:PutMetricData"],
        resources: ["*"],
        conditions: { StringEquals: { "cloudwatch:namespace": METRICS } },
      }),
    ],
  });
  acknowledgeWildcards(policy, [
    ["*", "What the SSM agent calls is not bound to resources, nor is finding log groups; metrics are bound to a namespace."],
    [releases, "A release's files have keys of their own."],
    [connections, "Each connection of Airflow's is a secret of its own: docs/cloud.md, Connections."],
    [printed, "Each command's output has a key of its own."],
    ...staged.map((keys) => [keys, "Staged files and markers have keys of their own."] as const),
  ]);
  return policy;
}
