import { readFileSync } from "node:fs";
import { Match } from "aws-cdk-lib/assertions";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { config, type Resource, resourcesOf, synthesize, type TemplateJson } from "./synth.ts";

const { templates, json } = synthesize();
const { network, data, access, compute } = templates;
const properties = (found: [string, Resource][]): Readonly<Record<string, unknown>>[] =>
  found.map(([, { Properties }]) => Properties ?? {});

test("identity: a user in a group with one policy, and nothing else", () => {
  access.hasResourceProperties("AWS::IAM::User", {
    UserName: "data-pipeline",
    Policies: Match.absent(),
    ManagedPolicyArns: Match.absent(),
    LoginProfile: Match.absent(),
  });
  access.hasResourceProperties("AWS::IAM::Group", { GroupName: "data-pipeline-group" });
  access.hasResourceProperties("AWS::IAM::ManagedPolicy", { ManagedPolicyName: "data-pipeline-policy" });
  access.resourceCountIs("AWS::IAM::User", 1);
});

test("identity: GitHub is trusted by OIDC, for AWS's own audience", () => {
  access.hasResourceProperties("AWS::IAM::OIDCProvider", {
    Url: "https://token.actions.githubusercontent.com",
    ClientIdList: ["sts.amazonaws.com"],
  });
});

test("storage: each bucket is versioned, encrypted and private, has lifecycle rules, and stays when its stack goes", () => {
  data.resourceCountIs("AWS::S3::Bucket", 3);
  data.allResources("AWS::S3::Bucket", {
    DeletionPolicy: "Retain",
    UpdateReplacePolicy: "Retain",
    Properties: Match.objectLike({
      VersioningConfiguration: { Status: "Enabled" },
      BucketEncryption: { ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: "AES256" } }] },
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
      OwnershipControls: { Rules: [{ ObjectOwnership: "BucketOwnerEnforced" }] },
      LifecycleConfiguration: {
        Rules: Match.arrayWith([Match.objectLike({ AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 } })]),
      },
    }),
  });
});

test("storage: each bucket refuses what does not come by TLS 1.2 or newer", () => {
  const policies = properties(resourcesOf(json, "AWS::S3::BucketPolicy"));
  assert.is(policies.length, 3);
  for (const { PolicyDocument } of policies) {
    const { Statement } = PolicyDocument as { Statement: { Effect: string; Action: string; Condition?: unknown }[] };
    const denied = Statement.filter(({ Effect, Action }) => Effect === "Deny" && Action === "s3:*").map(({ Condition }) => Condition);
    assert.equal(denied, [{ Bool: { "aws:SecureTransport": "false" } }, { NumericLessThan: { "s3:TlsVersion": 1.2 } }]);
  }
});

test("storage: names have account and region behind them, unless they are configured", () => {
  const names = properties(resourcesOf(json, "AWS::S3::Bucket")).map(({ BucketName }) => JSON.stringify(BucketName));
  for (const name of ["data-pipeline-airflow-dags-", "data-pipeline-staging-data-", "data-pipeline-logs-"]) {
    assert.ok(names.includes(JSON.stringify({ "Fn::Join": ["", [name, { Ref: "AWS::AccountId" }, "-eu-west-2"]] })), name);
  }
  const named = synthesize({ ...config, buckets: { ...config.buckets, dags: "my-dags" } });
  named.templates.data.hasResourceProperties("AWS::S3::Bucket", { BucketName: "my-dags" });
});

test("storage: releases never expire, staged files, markers and exports do", () => {
  const rules = (name: string): unknown => {
    const bucket = properties(resourcesOf(json, "AWS::S3::Bucket")).find(({ BucketName }) => JSON.stringify(BucketName).includes(name));
    const { Rules } = (bucket?.LifecycleConfiguration ?? { Rules: [] }) as { Rules: { Prefix?: string; ExpirationInDays?: number }[] };
    return Rules.flatMap(({ Prefix, ExpirationInDays }) => (ExpirationInDays === undefined ? [] : [[Prefix, ExpirationInDays]]));
  };
  assert.equal(rules("airflow-dags"), []);
  assert.equal(rules("staging-data"), [
    ["staging/", 365],
    ["markers/", 30],
    ["exports/", 7],
  ]);
});

test("network: two zones, no NAT gateway, no default route for private subnets, endpoints for S3, SSM, logs and secrets", () => {
  network.resourceCountIs("AWS::EC2::Subnet", 4);
  network.resourceCountIs("AWS::EC2::NatGateway", 0);
  network.resourceCountIs("AWS::EC2::Route", 2);
  const services = properties(resourcesOf(json, "AWS::EC2::VPCEndpoint")).map(({ ServiceName }) => JSON.stringify(ServiceName));
  for (const name of ["s3", "ssm", "ssmmessages", "logs", "secretsmanager"]) {
    assert.ok(
      services.some((service) => service.includes(`.${name}"`)),
      name,
    );
  }
  assert.is(services.length, 5);
});

test("network: no subnet gives out public addresses", () => {
  for (const { MapPublicIpOnLaunch } of properties(resourcesOf(json, "AWS::EC2::Subnet"))) assert.not(MapPublicIpOnLaunch);
});

test("network: who may come in is said by group; no group lets an address in, none has port 22", () => {
  const inline = properties(resourcesOf(json, "AWS::EC2::SecurityGroup")).flatMap(({ SecurityGroupIngress }) => SecurityGroupIngress ?? []);
  assert.equal(inline, []);
  const rules = properties(resourcesOf(json, "AWS::EC2::SecurityGroupIngress"));
  assert.equal([...new Set(rules.map(({ FromPort }) => FromPort))].sort(), [443, 5432, 5439]);
  for (const rule of rules) {
    assert.ok(rule.SourceSecurityGroupId, JSON.stringify(rule));
    assert.not(rule.CidrIp);
    assert.is(rule.FromPort, rule.ToPort);
  }
});

test("network: port 8080 opens to configured addresses and to no others", () => {
  const open = synthesize({ ...config, host: { ...config.host, webFrom: ["203.0.113.0/24"] } });
  const rules = properties(resourcesOf(open.json, "AWS::EC2::SecurityGroup")).flatMap(
    ({ SecurityGroupIngress }) => (SecurityGroupIngress as unknown[]) ?? [],
  );
  assert.equal(rules, [{ CidrIp: "203.0.113.0/24", Description: "Airflow's UI", FromPort: 8080, IpProtocol: "tcp", ToPort: 8080 }]);
});

test("database: private, encrypted, backed up, protected, by TLS only, with IAM authentication and the export role", () => {
  data.hasResource("AWS::RDS::DBInstance", {
    DeletionPolicy: "Retain",
    UpdateReplacePolicy: "Retain",
    Properties: Match.objectLike({
      DBInstanceIdentifier: "data-pipeline-database",
      DBName: "data_pipeline_db",
      DBInstanceClass: "db.t4g.medium",
      Engine: "postgres",
      PubliclyAccessible: false,
      StorageEncrypted: true,
      EnableIAMDatabaseAuthentication: true,
      DeletionProtection: true,
      BackupRetentionPeriod: 14,
      AssociatedRoles: [Match.objectLike({ FeatureName: "s3Export" })],
    }),
  });
  data.hasResourceProperties("AWS::RDS::DBParameterGroup", { Parameters: Match.objectLike({ "rds.force_ssl": "1" }) });
});

test("database: the password is made and rotated in Secrets Manager and stands in no template", () => {
  const [database] = properties(resourcesOf(json, "AWS::RDS::DBInstance"));
  assert.match(JSON.stringify(database?.MasterUserPassword), /\{\{resolve:secretsmanager:/);
  data.hasResourceProperties("AWS::SecretsManager::RotationSchedule", {
    RotationRules: { ScheduleExpression: "rate(30 days)" },
    HostedRotationLambda: Match.objectLike({ RotationType: "PostgreSQLSingleUser" }),
  });
  data.resourceCountIs("AWS::SecretsManager::SecretTargetAttachment", 1);
});

test("database: Airflow's own database has its own password, kept with the address it is for", () => {
  const secret = properties(resourcesOf(json, "AWS::SecretsManager::Secret")).find(({ Name }) => Name === "data-pipeline/airflow-database");
  const { SecretStringTemplate } = (secret?.GenerateSecretString ?? {}) as { SecretStringTemplate: unknown };
  assert.match(JSON.stringify(SecretStringTemplate), /dbname.*airflow.*username.*airflow/);
  assert.match(JSON.stringify(SecretStringTemplate), /Endpoint\.Address/);
});

test("host: Ubuntu LTS at a fixed serial, IMDSv2, an encrypted volume, an Elastic IP, no key pair, no user data", () => {
  compute.hasResourceProperties("AWS::EC2::Instance", {
    InstanceType: "t3.large",
    KeyName: Match.absent(),
    MetadataOptions: Match.objectLike({ HttpTokens: "required", HttpPutResponseHopLimit: 1 }),
    BlockDeviceMappings: [{ DeviceName: "/dev/sda1", Ebs: Match.objectLike({ Encrypted: true, VolumeType: "gp3", VolumeSize: 60 }) }],
    Tags: Match.arrayWith([{ Key: "Name", Value: "airflow-server" }]),
  });
  const { Parameters } = json.compute as TemplateJson & { Parameters: Record<string, { Type: string; Default: string }> };
  const image = Object.values(Parameters).find(({ Type }) => Type === "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>");
  assert.is(image?.Default, "/aws/service/canonical/ubuntu/server/24.04/stable/20260313/amd64/hvm/ebs-gp3/ami-id");
  network.resourceCountIs("AWS::EC2::EIP", 1);
  compute.resourceCountIs("AWS::EC2::EIPAssociation", 1);
});

test("host: its set-up writes the settings that bootstrap.sh knows, and no secret value", () => {
  const document = properties(resourcesOf(json, "AWS::SSM::Document")).find(({ Name }) => Name === "data-pipeline-set-up-host");
  const { mainSteps } = (document?.Content ?? { mainSteps: [] }) as { mainSteps: { inputs: { runCommand?: string[] } }[] };
  const lines = mainSteps.flatMap(({ inputs }) => inputs.runCommand ?? []);
  const settings = lines.flatMap((line) => /^([A-Z_]+)=\{\{ \w+ \}\}$/.exec(line)?.[1] ?? []);
  assert.equal(settings, [
    "REGION",
    "DAGS_BUCKET",
    "STAGING_BUCKET",
    "DATABASE_SECRET_ARN",
    "AIRFLOW_DATABASE_SECRET_ARN",
    "LOG_GROUP",
    "API_HOST",
  ]);
});

test("host: SSM sets it up when it is there, and the deploy waits for its success", () => {
  compute.hasResourceProperties("AWS::SSM::Association", {
    Name: "data-pipeline-set-up-host",
    WaitForSuccessTimeoutSeconds: 2400,
    Targets: [Match.objectLike({ Key: "InstanceIds" })],
  });
});

test("documents: reload, backfill and status as in infra/ssm, and no parameter of any can carry a shell command", () => {
  const documents = properties(resourcesOf(json, "AWS::SSM::Document"));
  assert.equal(documents.map(({ Name }) => Name).sort(), [
    "dagline-backfill",
    "dagline-reload",
    "dagline-status",
    "data-pipeline-set-up-host",
  ]);
  const shell = ["'; true '", "$(true)", "`true`", 'x"', "a b", "a\nb", "a;b", "a|b", "a&b", "a>b", "\\", "*"];
  for (const { Name, Content } of documents) {
    const { parameters = {} } = Content as {
      parameters?: Record<string, { type: string; allowedPattern?: string; allowedValues?: string[] }>;
    };
    for (const [key, { type, allowedPattern, allowedValues }] of Object.entries(parameters)) {
      assert.is(type, "String");
      assert.ok(allowedPattern !== undefined || allowedValues !== undefined, `${Name} ${key}`);
      for (const text of shell) {
        const taken = allowedValues?.includes(text) ?? new RegExp(String(allowedPattern)).test(text);
        assert.not(taken, `${String(Name)} ${key} takes ${JSON.stringify(text)}`);
      }
    }
  }
});

test("documents: what they print can go to a log group and to the bucket of logs", () => {
  compute.hasResourceProperties("AWS::Logs::LogGroup", { LogGroupName: "/data-pipeline/commands", RetentionInDays: 90 });
  assert.ok(json.compute.Outputs?.CommandLogGroup);
  assert.ok(json.data.Outputs?.LogsBucket);
});

test("warehouse: one ra3.xlplus node, private, encrypted, with the COPY role and a password that Redshift keeps", () => {
  data.hasResource("AWS::Redshift::Cluster", {
    DeletionPolicy: "Retain",
    Properties: Match.objectLike({
      NodeType: "ra3.xlplus",
      ClusterType: "single-node",
      Encrypted: true,
      PubliclyAccessible: false,
      EnhancedVpcRouting: true,
      ManageMasterPassword: true,
      MasterUserPassword: Match.absent(),
      IamRoles: [Match.anyValue()],
    }),
  });
  data.hasResourceProperties("AWS::Redshift::ClusterParameterGroup", {
    Parameters: Match.arrayWith([{ ParameterName: "require_ssl", ParameterValue: "true" }]),
  });
});

test("warehouse: serverless or none by configuration", () => {
  const serverless = synthesize({ ...config, warehouse: { kind: "serverless", baseRpus: 8 } });
  serverless.templates.data.hasResourceProperties("AWS::RedshiftServerless::Workgroup", { BaseCapacity: 8, PubliclyAccessible: false });
  serverless.templates.data.hasResourceProperties("AWS::RedshiftServerless::Namespace", { AdminUserPassword: Match.anyValue() });
  serverless.templates.data.resourceCountIs("AWS::Redshift::Cluster", 0);
  const none = synthesize({ ...config, warehouse: { kind: "none" } });
  assert.not.match(JSON.stringify(none.json), /AWS::Redshift/);
  for (const { AdminUserPassword } of properties(resourcesOf(serverless.json, "AWS::RedshiftServerless::Namespace"))) {
    assert.match(JSON.stringify(AdminUserPassword), /\{\{resolve:secretsmanager:/);
  }
});

test("loader: Node 24 on ARM, in private subnets, fed one by one from a queue whose failures are told apart", () => {
  compute.hasResourceProperties("AWS::Lambda::Function", { Runtime: "nodejs24.x", Architectures: ["arm64"], VpcConfig: Match.anyValue() });
  compute.hasResourceProperties("AWS::Lambda::EventSourceMapping", {
    FunctionResponseTypes: ["ReportBatchItemFailures"],
    ScalingConfig: { MaximumConcurrency: 2 },
  });
});

test("loader: the placeholder refuses clearly and leaves every message in the queue", async () => {
  const file = "../../infra/lambda/warehouse/index.mjs";
  const { handler } = (await import(file)) as { handler: (event: unknown) => Promise<unknown> };
  const said: string[] = [];
  const { error } = console;
  console.error = (text: string) => said.push(text);
  const answer = await handler({ Records: [{ messageId: "a" }, { messageId: "b" }] }).finally(() => {
    console.error = error;
  });
  assert.equal(answer, { batchItemFailures: [{ itemIdentifier: "a" }, { itemIdentifier: "b" }] });
  assert.match(said.join(), /placeholder/);
});

test("loader: markers ending in .csv are announced to the queue, and a marker that fails five times goes to the dead-letter queue", () => {
  data.hasResourceProperties("AWS::S3::Bucket", {
    NotificationConfiguration: {
      QueueConfigurations: [
        Match.objectLike({
          Event: "s3:ObjectCreated:*",
          Filter: {
            S3Key: {
              Rules: [
                { Name: "prefix", Value: "markers/" },
                { Name: "suffix", Value: ".csv" },
              ],
            },
          },
        }),
      ],
    },
  });
  data.hasResourceProperties("AWS::SQS::Queue", {
    QueueName: "data-pipeline-loads",
    VisibilityTimeout: 1800,
    RedrivePolicy: Match.objectLike({ maxReceiveCount: 5 }),
  });
  data.hasResourceProperties("AWS::SQS::QueuePolicy", {
    PolicyDocument: Match.objectLike({
      Statement: Match.arrayWith([
        Match.objectLike({
          Action: "sqs:SendMessage",
          Principal: { Service: "s3.amazonaws.com" },
          Condition: Match.objectLike({ StringEquals: { "aws:SourceAccount": { Ref: "AWS::AccountId" } } }),
        }),
      ]),
    }),
  });
});

test("watching: seven alarms, each with what to do, go to one topic; silence of the host is an alarm", () => {
  const alarms = properties(resourcesOf(json, "AWS::CloudWatch::Alarm"));
  assert.equal(alarms.map(({ AlarmName }) => String(AlarmName).replace("data-pipeline-", "")).sort(), [
    "database-cpu",
    "database-storage",
    "dead-letters",
    "host-disk",
    "host-status",
    "loader-errors",
    "scheduler-heartbeat",
  ]);
  for (const { AlarmDescription, AlarmActions } of alarms) {
    assert.ok(String(AlarmDescription).length > 40);
    assert.is((AlarmActions as unknown[]).length, 1);
  }
  const silent = alarms.filter(({ TreatMissingData }) => TreatMissingData === "breaching").map(({ AlarmName }) => AlarmName);
  assert.equal(silent.sort(), ["data-pipeline-host-status", "data-pipeline-scheduler-heartbeat"]);
  compute.hasResourceProperties("AWS::SNS::Subscription", { Protocol: "email", Endpoint: "on-call@example.com" });
  compute.resourceCountIs("AWS::CloudWatch::Dashboard", 1);
  compute.hasResourceProperties("AWS::Budgets::Budget", { Budget: Match.objectLike({ BudgetLimit: { Amount: 1500, Unit: "USD" } }) });
});

test("watching: no log group keeps its lines for ever", () => {
  const groups = properties(resourcesOf(json, "AWS::Logs::LogGroup"));
  assert.ok(groups.length >= 6);
  for (const { LogGroupName, RetentionInDays } of groups) assert.is(RetentionInDays, 90, String(LogGroupName));
});

test("tags: owner and cost centre are on everything that can have tags; the commit is in no template", () => {
  const tagged = Object.values(json)
    .flatMap(({ Resources }) => Object.values(Resources))
    .filter(({ Properties }) => Array.isArray(Properties?.Tags));
  assert.ok(tagged.length > 25);
  for (const { Type, Properties } of tagged) {
    const tags = new Map(((Properties?.Tags ?? []) as { Key: string; Value: string }[]).map(({ Key, Value }) => [Key, Value]));
    assert.is(tags.get("owner"), "data-platform", Type);
    assert.is(tags.get("cost-centre"), "data", Type);
  }
  const commit = "c".repeat(40);
  const other = synthesize(config, { commit });
  assert.equal(other.json, json);
  const manifest = readFileSync(`${other.dir}/manifest.json`, "utf8");
  assert.is(manifest.split(`"commit": "${commit}"`).length - 1, 4);
});

test("split by lifetime: nothing of the data or the network refers to what runs", () => {
  for (const part of ["network", "data"] as const)
    assert.not.match(JSON.stringify(json[part].Resources), /data-pipeline-(compute|access):/, part);
  for (const part of ["access", "compute"] as const) {
    for (const { Type } of Object.values(json[part].Resources))
      assert.not.match(Type, /RDS|Redshift|S3::Bucket|SecretsManager|SQS/, `${part} ${Type}`);
  }
});

test("what must not be lost stays when the stack of data is deleted", () => {
  const kept = [
    "AWS::S3::Bucket",
    "AWS::RDS::DBInstance",
    "AWS::RDS::DBParameterGroup",
    "AWS::RDS::DBSubnetGroup",
    "AWS::Redshift::Cluster",
    "AWS::SecretsManager::Secret",
    "AWS::SQS::Queue",
  ];
  for (const type of kept) {
    const found = resourcesOf(json, type);
    assert.ok(found.length > 0, type);
    for (const [id, { DeletionPolicy, UpdateReplacePolicy }] of found)
      assert.equal([DeletionPolicy, UpdateReplacePolicy], ["Retain", "Retain"], id);
  }
});

test("outputs have names of their own that do not change with the constructs", () => {
  const names = Object.values(json).flatMap(({ Outputs = {} }) => Object.keys(Outputs).filter((name) => !name.startsWith("Exports")));
  assert.equal(names.sort(), [
    "AirflowDatabaseSecretArn",
    "AirflowLogGroup",
    "AirflowUrl",
    "AlarmTopic",
    "CommandLogGroup",
    "DagsBucket",
    "DatabaseEndpoint",
    "DatabaseSecretArn",
    "DeadLetterQueueUrl",
    "DeployRole",
    "Instance",
    "LoadQueueUrl",
    "LoaderFunction",
    "LogsBucket",
    "PlanRole",
    "StagingBucket",
    "WarehouseEndpoint",
    "WarehouseSecretArn",
  ]);
});

test.run();
