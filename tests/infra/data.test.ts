import { Match } from "aws-cdk-lib/assertions";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { cloudPostgresVersion } from "../../local/postgres-cluster.ts";
import { config, propertiesOf, synthesize } from "./synth.ts";

const { templates, json } = synthesize();
const { data } = templates;

test("storage: each bucket is encrypted and private, has lifecycle rules, and stays when its stack goes", () => {
  data.resourceCountIs("AWS::S3::Bucket", 4);
  data.allResources("AWS::S3::Bucket", {
    DeletionPolicy: "RetainExceptOnCreate",
    UpdateReplacePolicy: "Retain",
    Properties: Match.objectLike({
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

test("storage: what PostgreSQL exports is encrypted by KMS, as RDS asks, and has no old versions; all else has", () => {
  for (const { BucketName, BucketEncryption, VersioningConfiguration } of propertiesOf(json, "AWS::S3::Bucket")) {
    const isExports = JSON.stringify(BucketName).includes("data-pipeline-exports-");
    assert.match(JSON.stringify(BucketEncryption), isExports ? /"SSEAlgorithm":"aws:kms"/ : /"SSEAlgorithm":"AES256"/);
    assert.equal(VersioningConfiguration, isExports ? undefined : { Status: "Enabled" });
  }
});

test("storage: what expires is gone a day later, also where a bucket keeps versions", () => {
  /** Days until the last byte of an object is gone, by the bucket's rules: an expiration only makes an old version of it. */
  const longest = (name: string): number[] => {
    const bucket = propertiesOf(json, "AWS::S3::Bucket").find(({ BucketName }) => JSON.stringify(BucketName).includes(name));
    const { Rules } = (bucket?.LifecycleConfiguration ?? { Rules: [] }) as {
      Rules: { ExpirationInDays?: number; NoncurrentVersionExpiration?: { NoncurrentDays: number } }[];
    };
    const old = Math.max(0, ...Rules.map(({ NoncurrentVersionExpiration }) => NoncurrentVersionExpiration?.NoncurrentDays ?? 0));
    return Rules.flatMap(({ ExpirationInDays }) => (ExpirationInDays === undefined ? [] : [ExpirationInDays + old]));
  };
  assert.equal(longest("staging-data"), [366, 366, 31]);
  assert.equal(longest("exports"), [7]);
  assert.equal(longest("data-pipeline-logs"), [91]);
});

test("storage: each bucket refuses what does not come by TLS 1.2 or newer", () => {
  const policies = propertiesOf(json, "AWS::S3::BucketPolicy");
  assert.is(policies.length, 4);
  for (const { PolicyDocument } of policies) {
    const { Statement } = PolicyDocument as { Statement: { Effect: string; Action: string; Condition?: unknown }[] };
    const denied = Statement.filter(({ Effect, Action }) => Effect === "Deny" && Action === "s3:*").map(({ Condition }) => Condition);
    assert.equal(denied, [{ Bool: { "aws:SecureTransport": "false" } }, { NumericLessThan: { "s3:TlsVersion": 1.2 } }]);
  }
});

test("storage: names have account and region behind them, unless they are configured", () => {
  const names = propertiesOf(json, "AWS::S3::Bucket").map(({ BucketName }) => JSON.stringify(BucketName));
  for (const name of ["data-pipeline-airflow-dags-", "data-pipeline-staging-data-", "data-pipeline-logs-"]) {
    assert.ok(names.includes(JSON.stringify({ "Fn::Join": ["", [name, { Ref: "AWS::AccountId" }, "-eu-west-2"]] })), name);
  }
  const named = synthesize({ ...config, buckets: { ...config.buckets, dags: "my-dags" } });
  named.templates.data.hasResourceProperties("AWS::S3::Bucket", { BucketName: "my-dags" });
});

test("storage: releases never expire, staged files, markers and exports do", () => {
  const rules = (name: string): unknown => {
    const bucket = propertiesOf(json, "AWS::S3::Bucket").find(({ BucketName }) => JSON.stringify(BucketName).includes(name));
    const { Rules } = (bucket?.LifecycleConfiguration ?? { Rules: [] }) as { Rules: { Prefix?: string; ExpirationInDays?: number }[] };
    return Rules.flatMap(({ Prefix, ExpirationInDays }) => (ExpirationInDays === undefined ? [] : [[Prefix, ExpirationInDays]]));
  };
  assert.equal(rules("airflow-dags"), []);
  assert.equal(rules("staging-data"), [
    ["staging/", 365],
    ["uploads/", 365],
    ["markers/", 30],
  ]);
  assert.equal(rules("data-pipeline-exports"), [[undefined, 7]]);
});

test("the tests run on the database's version of PostgreSQL", () => {
  const [instance] = Object.values(data.findResources("AWS::RDS::DBInstance"));
  assert.is(Number.parseInt(instance?.Properties?.EngineVersion, 10), cloudPostgresVersion);
});

test("database: private, encrypted, backed up, protected, by TLS only, with IAM authentication and the export role", () => {
  data.hasResource("AWS::RDS::DBInstance", {
    DeletionPolicy: "RetainExceptOnCreate",
    UpdateReplacePolicy: "Retain",
    Properties: Match.objectLike({
      DBInstanceIdentifier: "data-pipeline-database",
      DBName: "data_pipeline_db",
      DBInstanceClass: "db.t4g.medium",
      Engine: "postgres",
      EngineVersion: "17",
      AllowMajorVersionUpgrade: true,
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
  const [database] = propertiesOf(json, "AWS::RDS::DBInstance");
  assert.match(JSON.stringify(database?.MasterUserPassword), /\{\{resolve:secretsmanager:/);
  data.hasResourceProperties("AWS::SecretsManager::RotationSchedule", {
    RotationRules: { ScheduleExpression: "rate(30 days)" },
    HostedRotationLambda: Match.objectLike({ RotationType: "PostgreSQLSingleUser" }),
  });
  data.resourceCountIs("AWS::SecretsManager::SecretTargetAttachment", 1);
});

test("database: Airflow's own database has its own password, kept with the address it is for", () => {
  const secret = propertiesOf(json, "AWS::SecretsManager::Secret").find(({ Name }) => Name === "data-pipeline/airflow-database");
  const { SecretStringTemplate } = (secret?.GenerateSecretString ?? {}) as { SecretStringTemplate: unknown };
  assert.match(JSON.stringify(SecretStringTemplate), /dbname.*airflow.*username.*airflow/);
  assert.match(JSON.stringify(SecretStringTemplate), /Endpoint\.Address/);
});

const copyRole = { "Fn::GetAtt": [Match.stringLikeRegexp("^WarehouseCopyRole"), "Arn"] };

test("warehouse: one ra3.xlplus node, private, encrypted, with the COPY role and a password that Redshift keeps", () => {
  data.hasResource("AWS::Redshift::Cluster", {
    DeletionPolicy: "RetainExceptOnCreate",
    Properties: Match.objectLike({
      NodeType: "ra3.xlplus",
      ClusterType: "single-node",
      Encrypted: true,
      PubliclyAccessible: false,
      EnhancedVpcRouting: true,
      ManageMasterPassword: true,
      MasterUserPassword: Match.absent(),
      IamRoles: [copyRole],
    }),
  });
  data.hasResourceProperties("AWS::Redshift::ClusterParameterGroup", {
    Parameters: Match.arrayWith([{ ParameterName: "require_ssl", ParameterValue: "true" }]),
  });
});

test("warehouse: serverless or none by configuration", () => {
  const serverless = synthesize({ ...config, warehouse: { kind: "serverless", baseRpus: 8 } });
  serverless.templates.data.hasResourceProperties("AWS::RedshiftServerless::Workgroup", { BaseCapacity: 8, PubliclyAccessible: false });
  serverless.templates.data.hasResourceProperties("AWS::RedshiftServerless::Namespace", {
    AdminUserPassword: Match.anyValue(),
    IamRoles: [copyRole],
  });
  serverless.templates.data.resourceCountIs("AWS::Redshift::Cluster", 0);
  const none = synthesize({ ...config, warehouse: { kind: "none" } });
  assert.not.match(JSON.stringify(none.json), /AWS::Redshift/);
  for (const { AdminUserPassword } of propertiesOf(serverless.json, "AWS::RedshiftServerless::Namespace")) {
    assert.match(JSON.stringify(AdminUserPassword), /\{\{resolve:secretsmanager:/);
  }
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
    VisibilityTimeout: 5400,
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

test.run();
