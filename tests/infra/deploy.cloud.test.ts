import { chmodSync, existsSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CloudFormationClient, ListStackResourcesCommand, UpdateTerminationProtectionCommand } from "@aws-sdk/client-cloudformation";
import { HeadBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { ListCommandsCommand, SSMClient } from "@aws-sdk/client-ssm";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { installHost } from "../../local/host.ts";
import { root } from "../../local/paths.ts";
import { type LocalSsm, startSsmServer } from "../../local/ssm-server.ts";
import { readPointer } from "../../src/deploy/read-bucket.ts";
import type { StackState } from "../../src/infra/cloudformation.ts";
import { S3ObjectStore } from "../../src/services/s3.ts";
import { makeProject } from "../actions/project.ts";
import { ACCOUNT, type CloudAccount, cdkCli, startAccount } from "./cloud-account.ts";

// CDK's own command line deploys the app to moto: bootstrap, all stacks, an update, a destroy. In between, `dagline` finds its bucket and host
// by nothing but the stacks' outputs.
const stacks = ["network", "data", "access", "compute"].map((part) => `data-pipeline-${part}`);
const project = makeProject();
let account: CloudAccount;
let first: Readonly<Record<string, string>>;

test.before(async () => {
  account = await startAccount();
});
test.after(async () => {
  await account?.stop();
  project.remove();
});

test("an account that is bootstrapped by CDK's own command takes all four stacks", async () => {
  await account.cdk(["bootstrap", `aws://${ACCOUNT}/eu-west-2`, ...app()], root);
  await deploy();
  for (const name of stacks) assert.is((await state(name)).status, "CREATE_COMPLETE", name);
});

// What moto has no type for is noted down, no more: moto_types.py.
test("everything that the templates say was made", async () => {
  for (const name of stacks) {
    const { Resources } = JSON.parse(await account.cloud.template(name)) as { Resources: object };
    const { StackResourceSummaries = [] } = await new CloudFormationClient(account.settings).send(
      new ListStackResourcesCommand({ StackName: name }),
    );
    assert.equal(StackResourceSummaries.map(({ LogicalResourceId }) => LogicalResourceId).sort(), Object.keys(Resources).sort(), name);
  }
});

test("sync and reload run with nothing but the stacks' outputs", async () => {
  first = { ...(await state("data-pipeline-data")).outputs, ...(await state("data-pipeline-compute")).outputs };
  assert.is(first.DagsBucket, `data-pipeline-airflow-dags-${ACCOUNT}-eu-west-2`);
  assert.match(first.Instance ?? "", /^i-[0-9a-f]+$/);
  await syncAndReload(first.Instance ?? "");
});

test("deploying the same again changes nothing", async () => {
  const output = await deploy();
  assert.is(output.split("(no changes)").length - 1, 4, output);
});

test("another configuration updates all four stacks: a new host from a newer image, and the same bucket with the release in it", async () => {
  await deploy("changed");
  for (const name of stacks) {
    const { status } = await state(name);
    assert.is(status, "UPDATE_COMPLETE", name);
  }
  const { Instance = "" } = (await state("data-pipeline-compute")).outputs;
  assert.is.not(Instance, first.Instance);
  assert.is((await state("data-pipeline-data")).outputs.DagsBucket, first.DagsBucket);
  assert.ok(await readPointer(bucket()));
  await syncAndReload(Instance);
});

test("compute and access go by themselves; data and network are protected", async () => {
  await account.cdk(["destroy", "--force", "data-pipeline-compute", "data-pipeline-access", ...app()], root, { WANTED_CONFIG: "changed" });
  assert.is(await account.cloud.describe("data-pipeline-compute"), null);
  assert.is(await account.cloud.describe("data-pipeline-access"), null);
  const { code, stderr } = await account.run([cdkCli, "destroy", "--force", "data-pipeline-data", ...app()], root);
  assert.is(code, 1);
  assert.match(stderr, /data-pipeline-data\] cannot be deleted while TerminationProtection is enabled/);
});

test("when data and network go as well, buckets, releases, databases, secrets and queues are still there", async () => {
  for (const name of ["data-pipeline-data", "data-pipeline-network"]) await unprotect(name);
  await account.cdk(["destroy", "--force", "--all", ...app()], root);
  for (const name of stacks) assert.is(await account.cloud.describe(name), null, name);
  assert.ok(await readPointer(bucket()));
  for (const name of [first.DagsBucket, first.StagingBucket, first.LogsBucket, first.ExportsBucket]) {
    await new S3Client({ ...account.settings, forcePathStyle: true }).send(new HeadBucketCommand({ Bucket: name }));
  }
  assert.match(await ask("rds", "DescribeDBInstances"), /data-pipeline-database/);
  assert.match(await ask("redshift", "DescribeClusters"), /<ClusterIdentifier>/);
  assert.match(await ask("secretsmanager", "ListSecrets"), /data-pipeline\/connections\/dagline_postgres/);
  assert.match(await ask("sqs", "ListQueues"), /data-pipeline-loads-dead/);
  assert.not.match(await ask("ec2", "DescribeInstances"), /<name>running/);
});

/** `dagline sync`, then `dagline reload`, told no more than the stacks' prefix. */
async function syncAndReload(instance: string): Promise<void> {
  const stacksOnly = ["--stacks", "data-pipeline", "--format", "json"];
  const synced = await account.dagline(["sync", ...stacksOnly], project.root);
  assert.is(synced.code, 0, synced.stderr);
  const { release } = JSON.parse(synced.stdout) as { release: string };
  assert.is((await readPointer(bucket()))?.pointer.release, release);

  const home = join(account.dir, instance);
  const ssm = await startHost(home, instance, release);
  try {
    const reloaded = await account.dagline(["reload", ...stacksOnly], project.root, { AWS_ENDPOINT_URL_SSM: ssm.endpoint });
    assert.is(reloaded.code, 0, reloaded.stderr);
    assert.is(JSON.parse(reloaded.stdout).release, release);
    assert.ok(existsSync(join(home, "releases", release, "manifest.json")), "the host fetched it from the bucket");
    const { Commands = [] } = await new SSMClient({ ...account.settings, endpoint: ssm.endpoint }).send(new ListCommandsCommand({}));
    assert.equal(
      Commands.map(({ OutputS3BucketName, CloudWatchOutputConfig }) => [
        OutputS3BucketName,
        CloudWatchOutputConfig?.CloudWatchLogGroupName,
      ]),
      [[first.LogsBucket, "/data-pipeline/commands"]],
    );
  } finally {
    await ssm.stop();
  }
}

/**
 * moto takes a command and runs nothing: the local SSM runs the document's script on this machine. Its agent is the real one, which
 * fetches the release from moto; for want of an Airflow it is not asked to prove it.
 */
async function startHost(home: string, instance: string, release: string): Promise<LocalSsm> {
  const { endpoint, credentials, region } = account.settings;
  await installHost(home, {
    bucket: first.DagsBucket ?? "",
    prefix: "",
    staging_bucket: first.StagingBucket ?? "",
    staging_prefix: "",
    region,
    s3_endpoint: endpoint,
    node: process.execPath,
    python: "python3",
    airflow_home: home,
    airflow_api: "http://127.0.0.1:1",
    airflow_user: "nobody",
    airflow_password_file: join(home, "none"),
    connection: "dagline_postgres",
    bundle_name: "dagline",
    origins: {},
  });
  const agent = join(home, "bin", "dagline-agent");
  renameSync(agent, `${agent}.real`);
  const proof = JSON.stringify({ ok: true, release, previous: null, commit: null, dags: 1, seconds: { fetch: 0.1 }, changed: true });
  writeFileSync(agent, `#!/bin/sh\n"$0.real" fetch ${release} >&2 && echo '${proof}'\n`);
  chmodSync(agent, 0o755);
  const env = {
    PATH: process.env.PATH,
    DAGLINE_HOME: home,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
  };
  return startSsmServer({ documentsDir: join(root, "infra/ssm"), instanceId: instance, env, region, credentials });
}

function app(): string[] {
  return ["--app", `${process.execPath} tests/infra/moto-app.ts`, "--output", join(account.dir, "cdk.out")];
}

function deploy(wanted = "first"): Promise<string> {
  const args = ["deploy", "--all", "--require-approval", "never", "--progress", "events", ...app()];
  return account.cdk(args, root, { WANTED_CONFIG: wanted });
}

async function state(name: string): Promise<StackState> {
  const found = await account.cloud.describe(name);
  assert.ok(found !== null, `there is no stack ${name}`);
  return found as StackState;
}

function bucket(): S3ObjectStore {
  return new S3ObjectStore({ ...account.settings, bucket: first.DagsBucket ?? "" });
}

/** What a service of the account answers, as text; moto takes the service from the signature, which it does not check. */
async function ask(service: string, action: string): Promise<string> {
  const [version, target] = { ec2: ["2016-11-15"], rds: ["2014-10-31"], redshift: ["2012-12-01"], sqs: ["2012-11-05"] }[service] ?? [
    "",
    service,
  ];
  const scope = `Credential=AKIA/20260101/eu-west-2/${service}/aws4_request`;
  const answer = await fetch(account.aws.endpoint, {
    method: "POST",
    headers: {
      authorization: `AWS4-HMAC-SHA256 ${scope}, SignedHeaders=host, Signature=none`,
      ...(target === undefined ? { "content-type": "application/x-www-form-urlencoded" } : { "x-amz-target": `${target}.${action}` }),
    },
    body: target === undefined ? `Action=${action}&Version=${version}` : "{}",
  });
  assert.is(answer.status, 200, `${service} ${action}`);
  return answer.text();
}

function unprotect(name: string): Promise<unknown> {
  const off = new UpdateTerminationProtectionCommand({ StackName: name, EnableTerminationProtection: false });
  return new CloudFormationClient(account.settings).send(off);
}

test.run();
