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
  readonly hostBundle: string;
}

/** How long CloudFormation waits for the host to have installed itself, in seconds. */
const WAIT_SECONDS = 2400;

/**
 * Has the host run `bootstrap.sh` of the host package (infra/host/host.md): State Manager does so as soon as the host is up, again whenever what it installs changes, and the
 * deploy waits for its success. User data would run on the first boot alone, and a change of it would stop the host.
 */
export function setUpHost(scope: Construct, { config, data, host, logGroup, hostBundle }: SetupProps): void {
  const bundle = new Asset(scope, "HostBundle", { path: hostBundle });
  host.role.addToPolicy(
    new PolicyStatement({
      sid: "ReadWhatItInstalls",
      actions: ["s3:GetObject"],
      resources: [bundle.bucket.arnForObjects(bundle.s3ObjectKey)],
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
      Bundle: [bundle.s3ObjectUrl],
      Region: [config.region],
      DagsBucket: [data.buckets.dags.bucketName],
      StagingBucket: [data.buckets.staging.bucketName],
      DatabaseSecretArn: [data.database.secret.secretArn],
      AirflowDatabaseSecretArn: [data.database.airflowSecret.secretArn],
      LogGroup: [logGroup],
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

const UPDATE_TIMERS = "apt-daily.timer apt-daily-upgrade.timer";

const ARN = "^arn:aws:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+$";
const S3_URL = "^s3://[a-z0-9.-]+/[A-Za-z0-9._-]+$";
const BUCKET = "^[a-z0-9-]+$";

/** A parameter that cannot carry shell: its pattern knows no quote, no space, no dollar. */
const parameter = (description: string, allowedPattern: string) => ({ type: "String", description, allowedPattern });

const content = {
  schemaVersion: "2.2",
  description: "Installs this Airflow host, or brings it up to what its stack says. It can run again and again.",
  parameters: {
    Bundle: parameter("Where the host package is, zipped.", S3_URL),
    Region: parameter("The AWS region.", "^[a-z0-9-]+$"),
    DagsBucket: parameter("The bucket of releases.", BUCKET),
    StagingBucket: parameter("The bucket of staged files.", BUCKET),
    DatabaseSecretArn: parameter("The secret of the database of tables.", ARN),
    AirflowDatabaseSecretArn: parameter("The secret of Airflow's own database.", ARN),
    LogGroup: parameter("Where the services log.", "^/[A-Za-z0-9/_-]+$"),
  },
  mainSteps: [
    {
      // The package of the next step is installed by dpkg, which fails where somebody else installs. Updates start from these timers;
      // what they have started is waited for: a unit after it starts when it has ended. The last step starts the timers again.
      action: "aws:runShellScript",
      name: "wait",
      inputs: {
        timeoutSeconds: "900",
        runCommand: [
          "set -eu",
          "cloud-init status --wait >/dev/null || true",
          `systemctl stop ${UPDATE_TIMERS}`,
          "systemd-run --quiet --wait --property='After=apt-daily.service apt-daily-upgrade.service' /bin/true",
        ],
      },
    },
    { action: "aws:configurePackage", name: "cloudwatch", inputs: { name: "AmazonCloudWatchAgent", action: "Install" } },
    {
      action: "aws:runShellScript",
      name: "bootstrap",
      inputs: {
        timeoutSeconds: String(WAIT_SECONDS),
        runCommand: [
          "set -eu",
          "umask 022",
          `systemctl start ${UPDATE_TIMERS}`,
          'export PATH="$PATH:/usr/local/bin:/snap/bin"',
          "for pause in 10 20 40 80 0; do",
          "  if command -v aws >/dev/null || snap install aws-cli --classic; then break; fi",
          '  sleep "$pause"',
          "done",
          "install -d -m 0755 /etc/dagline",
          "cat > /etc/dagline/bootstrap.env.new <<'END'",
          "REGION={{ Region }}",
          "DAGS_BUCKET={{ DagsBucket }}",
          "STAGING_BUCKET={{ StagingBucket }}",
          "DATABASE_SECRET_ARN={{ DatabaseSecretArn }}",
          "AIRFLOW_DATABASE_SECRET_ARN={{ AirflowDatabaseSecretArn }}",
          "LOG_GROUP={{ LogGroup }}",
          "END",
          "mv /etc/dagline/bootstrap.env.new /etc/dagline/bootstrap.env",
          "rm -rf /opt/dagline-package.new",
          "install -d -m 0755 /opt/dagline-package.new",
          "aws s3 cp --only-show-errors --region '{{ Region }}' '{{ Bundle }}' /opt/dagline-package.new/package.zip",
          "python3 -m zipfile -e /opt/dagline-package.new/package.zip /opt/dagline-package.new",
          "rm -rf /opt/dagline-package /opt/dagline-package.new/package.zip",
          "mv /opt/dagline-package.new /opt/dagline-package",
          "exec bash /opt/dagline-package/bootstrap.sh",
        ],
      },
    },
  ],
};
