import { PolicyStatement } from "aws-cdk-lib/aws-iam";
import { Asset } from "aws-cdk-lib/aws-s3-assets";
import { CfnAssociation, CfnDocument } from "aws-cdk-lib/aws-ssm";
import type { Construct } from "constructs";
import type { AirflowHost } from "./airflow-host.ts";
import type { Config } from "./config.ts";
import type { DataStack } from "./data-stack.ts";
import { COMMANDS } from "./keys.ts";

interface SetupProps {
  readonly config: Config;
  readonly data: DataStack;
  readonly host: AirflowHost;
  /** Of Airflow's services. */
  readonly logGroup: string;
  readonly hostScripts: string;
  readonly hostBundle: string;
}

/** How long CloudFormation waits for the host to have installed itself, in seconds. */
const WAIT_SECONDS = 2400;

/**
 * Has the host run `infra/host/bootstrap.sh`: State Manager does so as soon as the host is up, again whenever what it installs changes, and the
 * deploy waits for its success. User data would run on the first boot alone, and a change of it would stop the host.
 */
export function setUpHost(scope: Construct, { config, data, host, logGroup, hostScripts, hostBundle }: SetupProps): void {
  const scripts = new Asset(scope, "HostScripts", { path: hostScripts });
  const bundle = new Asset(scope, "HostBundle", { path: hostBundle });
  host.role.addToPolicy(
    new PolicyStatement({
      sid: "ReadWhatItInstalls",
      actions: ["s3:GetObject"],
      resources: [scripts, bundle].map(({ bucket, s3ObjectKey }) => bucket.arnForObjects(s3ObjectKey)),
    }),
  );
  const name = `${config.prefix}-set-up-host`;
  const document = new CfnDocument(scope, "SetUpHost", {
    name,
    documentType: "Command",
    documentFormat: "JSON",
    targetType: "/AWS::EC2::Instance",
    updateMethod: "NewVersion",
    content,
  });
  const association = new CfnAssociation(scope, "HostIsSetUp", {
    associationName: name,
    name,
    targets: [{ key: "InstanceIds", values: [host.instance.instanceId] }],
    parameters: {
      Scripts: [scripts.s3ObjectUrl],
      Bundle: [bundle.s3ObjectUrl],
      Region: [config.region],
      DagsBucket: [data.buckets.dags.bucketName],
      StagingBucket: [data.buckets.staging.bucketName],
      DatabaseSecretArn: [data.database.secret.secretArn],
      AirflowDatabaseSecretArn: [data.database.airflowSecret.secretArn],
      LogGroup: [logGroup],
      Prefix: [config.prefix],
    },
    outputLocation: {
      s3Location: {
        outputS3BucketName: data.buckets.logs.bucketName,
        outputS3KeyPrefix: `${COMMANDS}set-up`,
        outputS3Region: config.region,
      },
    },
    waitForSuccessTimeoutSeconds: WAIT_SECONDS,
  });
  association.addResourceDependency(document);
  // Without its address the host reaches nothing, and without its role's policies it may not.
  association.node.addDependency(host.address, host.role);
}

const ARN = "^arn:aws:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+$";
const S3_URL = "^s3://[a-z0-9.-]+/[A-Za-z0-9._-]+$";
const BUCKET = "^[a-z0-9-]+$";

/** A parameter that cannot carry shell: its pattern knows no quote, no space, no dollar. */
const parameter = (description: string, allowedPattern: string) => ({ type: "String", description, allowedPattern });

const content = {
  schemaVersion: "2.2",
  description: "Installs this Airflow host, or brings it up to what its stack says. It can run again and again.",
  parameters: {
    Scripts: parameter("Where infra/host is, zipped.", S3_URL),
    Bundle: parameter("Where dist/host is, zipped.", S3_URL),
    Region: parameter("The AWS region.", "^[a-z0-9-]+$"),
    DagsBucket: parameter("The bucket of releases.", BUCKET),
    StagingBucket: parameter("The bucket of staged files.", BUCKET),
    DatabaseSecretArn: parameter("The secret of the database of tables.", ARN),
    AirflowDatabaseSecretArn: parameter("The secret of Airflow's own database.", ARN),
    LogGroup: parameter("Where the services log.", "^/[A-Za-z0-9/_-]+$"),
    Prefix: parameter("What stands before the names of connections, and the namespace of metrics.", "^[a-z0-9-]+$"),
  },
  mainSteps: [
    {
      action: "aws:runShellScript",
      name: "bootstrap",
      inputs: {
        timeoutSeconds: String(WAIT_SECONDS),
        runCommand: [
          "set -eu",
          "command -v aws >/dev/null || snap install aws-cli --classic",
          "install -d -m 0755 /etc/dagline",
          "umask 022",
          "cat > /etc/dagline/bootstrap.env.new <<'END'",
          "REGION={{ Region }}",
          "DAGS_BUCKET={{ DagsBucket }}",
          "STAGING_BUCKET={{ StagingBucket }}",
          "DATABASE_SECRET_ARN={{ DatabaseSecretArn }}",
          "AIRFLOW_DATABASE_SECRET_ARN={{ AirflowDatabaseSecretArn }}",
          "LOG_GROUP={{ LogGroup }}",
          "CONNECTIONS_PREFIX={{ Prefix }}/connections",
          "METRICS_NAMESPACE={{ Prefix }}",
          "END",
          "mv /etc/dagline/bootstrap.env.new /etc/dagline/bootstrap.env",
          "new=/opt/dagline-setup.new",
          'rm -rf "$new"',
          'install -d -m 0755 "$new/infra" "$new/dist"',
          "export AWS_DEFAULT_REGION='{{ Region }}' PATH=\"$PATH:/snap/bin\"",
          "aws s3 cp --only-show-errors '{{ Scripts }}' \"$new/scripts.zip\"",
          "aws s3 cp --only-show-errors '{{ Bundle }}' \"$new/bundle.zip\"",
          'python3 -m zipfile -e "$new/scripts.zip" "$new/infra/host"',
          'python3 -m zipfile -e "$new/bundle.zip" "$new/dist/host"',
          'rm -rf /opt/dagline-setup "$new/scripts.zip" "$new/bundle.zip"',
          'mv "$new" /opt/dagline-setup',
          "exec bash /opt/dagline-setup/infra/host/bootstrap.sh",
        ],
      },
    },
  ],
};
