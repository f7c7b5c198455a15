import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { planInfra } from "../../src/infra/plan-infra.ts";
import type { Resource, Template } from "../../src/infra/template.ts";
import { readReplacementRules } from "../../src/services/cloudformation-spec.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const rule = readReplacementRules(root);

const database: Resource = {
  Type: "AWS::RDS::DBInstance",
  Properties: { DBName: "data_pipeline_db", Engine: "postgres", DeletionProtection: true, DBSubnetGroupName: { Ref: "Subnets" } },
  DeletionPolicy: "Snapshot",
  UpdateReplacePolicy: "Snapshot",
  Metadata: { "aws:cdk:path": "Data/Database/Resource" },
};

test("a replaced database is destructive, and says which property does it and what becomes of the old one", () => {
  const plan = between({ Database: database }, { Database: withProperties(database, { DBName: "other" }) });
  assert.equal(plan.changes, [
    {
      stack: "data",
      resource: "Data/Database",
      type: "AWS::RDS::DBInstance",
      action: "replace",
      reason: "replaced because its DBName changes",
    },
  ]);
  assert.equal(plan.destructive, [
    {
      resource: "Data/Database (data)",
      why: "the database Data/Database is replaced by a new, empty one, because its DBName changes: a snapshot is kept, else the old one is deleted with all that is in it",
    },
  ]);
});

test("a database is replaced by way of what it names: its subnet group, which is replaced itself", () => {
  const subnets: Resource = { Type: "AWS::RDS::DBSubnetGroup", Properties: { DBSubnetGroupName: "one", SubnetIds: ["a"] } };
  const plan = between(
    { Database: database, Subnets: subnets },
    { Database: database, Subnets: withProperties(subnets, { DBSubnetGroupName: "two" }) },
  );
  assert.match(plan.destructive[0]?.why ?? "", /because Subnets is replaced, which its DBSubnetGroupName names/);
});

test("a change that only interrupts a database is not destructive; one that CloudFormation may answer with a new one is", () => {
  assert.equal(between({ Database: database }, { Database: withProperties(database, { MultiAZ: true }) }).destructive, []);
  assert.equal(
    between({ Database: database }, { Database: withProperties(database, { DBInstanceClass: "db.t4g.large" }) }).destructive,
    [],
  );
  const engine = between({ Database: database }, { Database: withProperties(database, { Engine: "mysql" }) });
  assert.match(engine.destructive[0]?.why ?? "", /may be replaced by a new, empty one: CloudFormation decides, because its Engine changes/);
});

test("a bucket, a cluster or a volume that is removed is destructive; a retained one says that it stays", () => {
  const bucket: Resource = { Type: "AWS::S3::Bucket", DeletionPolicy: "Retain" };
  const plan = between(
    { Kept: bucket, Cluster: { Type: "AWS::Redshift::Cluster" }, Volume: { Type: "AWS::EC2::Volume" }, Role: { Type: "AWS::IAM::Role" } },
    {},
  );
  assert.equal(
    plan.destructive.map(({ resource }) => resource),
    ["Cluster (data)", "Kept (data)", "Volume (data)"],
  );
  assert.match(plan.destructive[1]?.why ?? "", /it stays in the account, and nothing manages it any more/);
  assert.match(plan.destructive[2]?.why ?? "", /deleted with all that is in it/);
  assert.is(plan.changes.filter(({ action }) => action === "delete").length, 4);
});

test("a resource with a name of its own that would be replaced is refused, not called a replacement that loses data", () => {
  const named: readonly (readonly [string, Record<string, unknown>, Record<string, unknown>])[] = [
    ["AWS::RDS::DBInstance", { DBInstanceIdentifier: "main", DBName: "one" }, { DBName: "two" }],
    ["AWS::Redshift::Cluster", { ClusterIdentifier: "main", DBName: "one" }, { DBName: "two" }],
    ["AWS::IAM::ManagedPolicy", { ManagedPolicyName: "p", Description: "one" }, { Description: "two" }],
    ["AWS::SQS::Queue", { QueueName: "q", FifoQueue: false }, { FifoQueue: true }],
    ["AWS::EC2::SecurityGroup", { GroupName: "g", GroupDescription: "one" }, { GroupDescription: "two" }],
    ["AWS::Lambda::Function", { FunctionName: "f", PackageType: "Zip" }, { PackageType: "Image" }],
  ];
  for (const [type, properties, change] of named) {
    const resource: Resource = { Type: type, Properties: properties };
    const plan = between({ R: resource }, { R: withProperties(resource, change) });
    assert.match(plan.refused[0]?.why ?? "", /has to be replaced, and CloudFormation cannot while its \w+ stays \w+/, type);
    assert.equal(plan.destructive, [], type);
    const [name = ""] = Object.keys(properties);
    assert.equal(between({ R: resource }, { R: withProperties(resource, { ...change, [name]: "other" }) }).refused, [], type);
    assert.equal(
      between({ R: withProperties(resource, { [name]: undefined }) }, { R: withProperties(resource, { ...change, [name]: undefined }) })
        .refused,
      [],
    );
  }
});

test("another type under the same logical id is refused", () => {
  const plan = between({ R: { Type: "AWS::SQS::Queue" } }, { R: { Type: "AWS::SNS::Topic" } });
  assert.match(plan.refused[0]?.why ?? "", /changes no resource's type/);
});

test("an export that another deployed stack imports may neither go nor change, whatever that stack will be", () => {
  const output = (value: unknown) => ({ Warehouse: { Value: value, Export: { Name: "data:Warehouse" } } });
  const cluster: Resource = { Type: "AWS::Redshift::Cluster", Properties: { DBName: "one" } };
  const data = (outputs: object, resource = cluster): Template => ({ Resources: { Cluster: resource }, Outputs: outputs });
  const arn = { "Fn::GetAtt": ["Cluster", "MasterPasswordSecretArn"] };
  const user: Template = {
    Resources: { F: { Type: "AWS::SSM::Parameter", Properties: { Value: { "Fn::ImportValue": "data:Warehouse" } } } },
  };
  const free: Template = { Resources: { F: { Type: "AWS::SSM::Parameter", Properties: { Value: "none" } } } };
  const plan = (after: Template, compute = user) =>
    planInfra(
      [
        { stack: "data", before: data(output(arn)), after },
        { stack: "compute", before: compute, after: free },
      ],
      rule,
    ).refused;
  assert.match(plan(data({}))[0]?.why ?? "", /it would go while compute still imports it/);
  assert.match(plan(data(output("other")))[0]?.why ?? "", /it would change while compute still imports it/);
  assert.match(plan(data(output(arn), withProperties(cluster, { DBName: "two" })))[0]?.why ?? "", /it would change while compute/);
  assert.equal(plan(data(output(arn))), []);
  assert.equal(plan(data({}), free), []);
});

test("what an update takes away in silence is destructive: generated secrets, and what is kept for a shorter time", () => {
  const cases: readonly (readonly [string, string, unknown, unknown, RegExp])[] = [
    [
      "AWS::SecretsManager::Secret",
      "GenerateSecretString",
      { PasswordLength: 40 },
      { PasswordLength: 50 },
      /gets a new value: the password that is in use now/,
    ],
    ["AWS::SecretsManager::Secret", "SecretString", "a", "b", /gets another value/],
    ["AWS::Logs::LogGroup", "RetentionInDays", 30, 7, /keeps what is in it for 7 days only/],
    ["AWS::Logs::LogGroup", "RetentionInDays", undefined, 7, /keeps what is in it for 7 days only/],
    ["AWS::SQS::Queue", "MessageRetentionPeriod", 1_209_600, 60, /for 60 seconds only/],
    [
      "AWS::S3::Bucket",
      "LifecycleConfiguration",
      { Rules: [{ Status: "Enabled", Prefix: "staging/", ExpirationInDays: 365 }] },
      { Rules: [{ Status: "Enabled", Prefix: "staging/", ExpirationInDays: 30 }] },
      /expires objects sooner than before: staging\/\* after 30 days/,
    ],
  ];
  for (const [type, property, before, after, why] of cases) {
    const of = (value: unknown): Resource => ({ Type: type, Properties: { [property]: value } });
    assert.match(between({ R: of(before) }, { R: of(after) }).destructive[0]?.why ?? "", why);
    assert.equal(between({ R: of(after) }, { R: of(after) }).destructive, []);
    const longer = type.includes("Secret") ? [] : between({ R: of(after) }, { R: of(before) }).destructive;
    assert.equal(longer, [], `${type}: kept for longer`);
  }
});

test("a guard that is taken from data is named with the change", () => {
  const plan = between(
    { Database: database },
    { Database: { ...withProperties(database, { DeletionProtection: false }), DeletionPolicy: "Delete" } },
  );
  assert.match(plan.changes[0]?.reason ?? "", /deletion protection is switched off; once removed, it is no longer kept/);
});

const policy = (...statements: object[]): Resource => ({
  Type: "AWS::IAM::Policy",
  Properties: { Roles: [{ Ref: "Host" }], PolicyDocument: { Version: "2012-10-17", Statement: statements } },
});
const host: Resource = {
  Type: "AWS::IAM::Role",
  Properties: {
    AssumeRolePolicyDocument: { Statement: { Effect: "Allow", Action: "sts:AssumeRole", Principal: { Service: "ec2.amazonaws.com" } } },
  },
};
const read = { Effect: "Allow", Action: ["s3:GetObject", "s3:ListBucket"], Resource: { "Fn::GetAtt": ["Bucket", "Arn"] } };

test("a widened policy says who may now do what, on what", () => {
  const plan = between(
    { Host: host, Policy: policy(read) },
    { Host: host, Policy: policy(read, { Effect: "Allow", Action: "s3:DeleteObject", Resource: "*" }) },
  );
  assert.equal(plan.widened, ["role Host may now s3:DeleteObject on * (everything)"]);
});

test("what an old statement allowed already is not wider, however it is written now; a dropped condition is", () => {
  const same = between(
    { Host: host, Policy: policy({ ...read, Action: "s3:*" }) },
    { Host: host, Policy: policy({ ...read, Action: "s3:Get*" }, read) },
  );
  assert.equal(same.widened, []);
  const bound = { ...read, Condition: { StringEquals: { "aws:SourceVpc": "vpc-1" } } };
  const dropped = between({ Host: host, Policy: policy(bound) }, { Host: host, Policy: policy(read) });
  assert.equal(dropped.widened, ["role Host may now s3:GetObject, s3:ListBucket on Bucket"]);
  assert.equal(between({ Host: host, Policy: policy(read) }, { Host: host, Policy: policy(bound) }).widened, []);
});

test("a denial that goes, a managed policy, a lost boundary and a new principal of a role widen access", () => {
  const deny = { Effect: "Deny", Action: "s3:*", Resource: "*", Condition: { Bool: { "aws:SecureTransport": "false" } } };
  assert.equal(between({ Host: host, Policy: policy(read, deny) }, { Host: host, Policy: policy(read) }).widened, [
    "role Host is no longer denied s3:* on * (everything), if aws:SecureTransport Bool false",
  ]);
  const bounded = withProperties(host, { PermissionsBoundary: "arn:aws:iam::aws:policy/Boundary" });
  const open = withProperties(host, {
    ManagedPolicyArns: ["arn:aws:iam::aws:policy/AdministratorAccess"],
    AssumeRolePolicyDocument: { Statement: { Effect: "Allow", Action: "sts:AssumeRole", Principal: { AWS: "*" } } },
  });
  assert.equal(between({ Host: bounded }, { Host: open }).widened, [
    "anybody may now sts:AssumeRole on role Host",
    "role Host may now what the policy AdministratorAccess allows",
    "role Host loses its permissions boundary",
  ]);
});

test("a bucket's policy that lets everybody in, and public access that is no longer blocked, are flagged", () => {
  const block = { BlockPublicAcls: true, BlockPublicPolicy: true };
  const bucket: Resource = { Type: "AWS::S3::Bucket", Properties: { PublicAccessBlockConfiguration: block } };
  const everybody: Resource = {
    Type: "AWS::S3::BucketPolicy",
    Properties: {
      Bucket: { Ref: "Bucket" },
      PolicyDocument: { Statement: [{ Effect: "Allow", Principal: "*", Action: "s3:GetObject", Resource: "arn:x/*" }] },
    },
  };
  assert.equal(between({ Bucket: bucket }, { Bucket: { Type: "AWS::S3::Bucket" }, Policy: everybody }).widened, [
    "anybody may now s3:GetObject on arn:x/*",
    "bucket Bucket no longer blocks public access (BlockPublicAcls, BlockPublicPolicy)",
  ]);
});

const group = (...rules: object[]): Resource => ({
  Type: "AWS::EC2::SecurityGroup",
  Properties: { GroupDescription: "x", SecurityGroupIngress: rules },
});

test("an opened port says from where which port of which group is reached", () => {
  const office = { CidrIp: "10.0.0.0/8", IpProtocol: "tcp", FromPort: 5432, ToPort: 5432 };
  const world = { ...office, CidrIp: "0.0.0.0/0" };
  assert.equal(between({ Group: group(office) }, { Group: group(office, world) }).widened, [
    "security group Group lets 0.0.0.0/0 (the whole internet) reach port 5432",
  ]);
  assert.equal(between({ Group: group(world) }, { Group: group(office) }).widened, [], "a part of what was open");
  const rule: Resource = {
    Type: "AWS::EC2::SecurityGroupIngress",
    Properties: {
      GroupId: { "Fn::GetAtt": ["Group", "GroupId"] },
      SourceSecurityGroupId: { "Fn::GetAtt": ["Lambda", "GroupId"] },
      IpProtocol: "-1",
    },
  };
  assert.equal(between({ Group: group(office) }, { Group: group(office), Rule: rule }).widened, [
    "security group Group lets Lambda reach every port, by any protocol",
  ]);
});

test("a database that gets a public address is flagged", () => {
  const plan = between({ Database: database }, { Database: withProperties(database, { PubliclyAccessible: true }) });
  assert.equal(plan.widened, ["Data/Database gets an address on the public internet (PubliclyAccessible)"]);
});

test("a plan with only changed tags is one line, and the same plan whatever the tags say", () => {
  const tagged = (commit: string): Record<string, Resource> => ({
    Database: withProperties(database, {
      Tags: [
        { Key: "commit", Value: commit },
        { Key: "owner", Value: "data" },
      ],
    }),
    Bucket: { Type: "AWS::S3::Bucket", Properties: { Tags: [{ Key: "commit", Value: commit }] } },
    Parameter: { Type: "AWS::SSM::Parameter", Properties: { Value: "x", Tags: { commit } } },
  });
  const plan = between(tagged("one"), tagged("two"));
  assert.equal(plan.changes, [
    { stack: "data", resource: "3 resources", type: "tags", action: "update", reason: "only tags change: commit" },
  ]);
  assert.equal(plan.destructive, []);
  assert.equal(plan.widened, []);
  assert.is(plan.digest, between(tagged("one"), tagged("three")).digest);
});

test("a Lambda function whose zip differs is a change of code", () => {
  const lambda = (key: string): Resource => ({
    Type: "AWS::Lambda::Function",
    Properties: { Code: { S3Bucket: "b", S3Key: key }, Role: "r" },
  });
  assert.is(between({ F: lambda("a.zip") }, { F: lambda("b.zip") }).changes[0]?.reason, "its code changes");
});

test("equal templates have no changes, whatever the order of their keys; the digest is of the changes alone", () => {
  const nothing = between(
    { Database: database },
    {
      Database: {
        Metadata: database.Metadata,
        ...database,
        Properties: Object.fromEntries(Object.entries(database.Properties ?? {}).reverse()),
      } as Resource,
    },
  );
  assert.equal([nothing.changes, nothing.widened, nothing.destructive], [[], [], []]);
  assert.is(nothing.digest, planInfra([], rule).digest);
  assert.is.not(between({}, { Database: database }).digest, nothing.digest);
});

test("a changed output is a change, though no resource differs", () => {
  const before: Template = { Resources: { Database: database } };
  const plan = planInfra([{ stack: "data", before, after: { ...before, Outputs: { Endpoint: { Value: "x" } } } }], rule);
  assert.equal(plan.changes, [{ stack: "data", resource: "data", type: "template", action: "update", reason: "Outputs change" }]);
});

function between(before: Record<string, Resource>, after: Record<string, Resource>) {
  return planInfra([{ stack: "data", before: { Resources: before }, after: { Resources: after } }], rule);
}

function withProperties(resource: Resource, properties: Record<string, unknown>): Resource {
  return { ...resource, Properties: { ...resource.Properties, ...properties } };
}

test.run();
