import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type LocalAws, startAws } from "../../local/aws.ts";
import { root } from "../../local/paths.ts";
import { CloudFormationStacks } from "../../src/services/cloudformation.ts";
import { mendChangeSets } from "./moto-change-sets.ts";
import { writeTinyApp } from "./tiny-app.ts";

// `dagline apply` with CDK's own command line, against moto: an account that is bootstrapped, two stacks, an update.
const dir = mkdtempSync(join(tmpdir(), "dagline-apply-"));
const project = join(dir, "project");
let aws: LocalAws;
let cloudformation: Awaited<ReturnType<typeof mendChangeSets>>;
let env: NodeJS.ProcessEnv;

test.before(async () => {
  aws = await startAws({ dir: join(dir, "aws") });
  cloudformation = await mendChangeSets(aws.endpoint);
  env = {
    ...process.env,
    AWS_ENDPOINT_URL: aws.endpoint,
    AWS_ENDPOINT_URL_CLOUDFORMATION: cloudformation.endpoint,
    // moto reads templates by an address of S3 of this form only.
    AWS_ENDPOINT_URL_S3: aws.endpoint,
    AWS_ENDPOINT_URL_S3_FOR_CLOUDFORMATION: `https://s3.${aws.region}.amazonaws.com`,
    AWS_ACCESS_KEY_ID: aws.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: aws.credentials.secretAccessKey,
    AWS_REGION: aws.region,
    AWS_EC2_METADATA_DISABLED: "true",
  };
});
test.after(async () => {
  cloudformation?.stop();
  await aws?.stop();
  rmSync(dir, { recursive: true, force: true });
});

test("an account without bootstrap gives one message with the command", async () => {
  writeTinyApp(project, { topic: "one", code: "export const one = 1;" });
  const { code, stderr } = await dagline("apply");
  assert.is(code, 1);
  assert.match(stderr, /the AWS account is not prepared for CDK in eu-west-2/);
  assert.match(stderr, /npx cdk bootstrap aws:\/\/ACCOUNT\/eu-west-2/);
});

test("a plan shows every resource and changes nothing", async () => {
  const cdk = join(root, "node_modules/aws-cdk/bin/cdk");
  const bootstrap = await start([cdk, "bootstrap", `aws://123456789012/${aws.region}`], dir);
  assert.is(bootstrap.code, 0, bootstrap.stderr);
  const { code, stdout, stderr } = await dagline("apply", "--plan", "--format", "json");
  assert.is(code, 0, stderr);
  const { changes } = JSON.parse(stdout);
  assert.equal([...new Set(changes.map(({ action }: { action: string }) => action))], ["create"]);
  assert.ok(changes.some(({ resource }: { resource: string }) => resource === "tiny-data/Bucket"));
  assert.is(await stacks().describe("tiny-data"), null);
});

test("the first apply makes both stacks in order, and gives their outputs", async () => {
  const { code, stdout, stderr, seconds } = await dagline("apply", "--format", "json");
  assert.is(code, 0, stderr);
  const result = JSON.parse(stdout);
  assert.equal(result.changed, ["tiny-data", "tiny-compute"]);
  assert.match(result.outputs["tiny-data"].DagsBucket, /^[a-z0-9-]+$/);
  assert.match(stderr, /tiny-data: CREATE_COMPLETE tiny-data/);
  assert.match(stderr, /success: Published Code/);
  report(`create of two stacks: ${seconds.toFixed(1)} s`);
});

test("an apply of the same app is done in seconds, and prepares nothing", async () => {
  const { code, stdout, stderr, seconds } = await dagline("apply");
  assert.is(code, 0, stderr);
  assert.is(stdout, "every stack was right already\n");
  assert.not.match(stderr, /Published|changeset/);
  report(`apply without a change, synthesis included: ${seconds.toFixed(1)} s`);
});

test("a changed app updates the stack that differs, and no other", async () => {
  writeTinyApp(project, { topic: "two", code: "export const one = 2;" });
  const { code, stdout, stderr, seconds } = await dagline("apply", "--format", "json");
  assert.is(code, 0, stderr);
  const result = JSON.parse(stdout);
  assert.equal(result.changed, ["tiny-compute"]);
  assert.equal(result.plan.changes.map(({ resource }: { resource: string }) => resource).sort(), [
    "tiny-compute/CodeKey",
    "tiny-compute/Topic",
  ]);
  assert.match(stderr, /tiny-data: unchanged/);
  report(`update of one stack: ${seconds.toFixed(1)} s`);
});

test("a bucket that would be replaced stops the apply, until it is allowed", async () => {
  writeTinyApp(project, { topic: "two", code: "export const one = 2;", bucketName: "another-bucket-of-ours" });
  const { code, stderr } = await dagline("apply");
  assert.is(code, 1);
  assert.match(
    stderr,
    /this would lose data\ntiny-data\/Bucket \(tiny-data\): the bucket tiny-data\/Bucket is replaced by a new, empty one, because its BucketName changes: it stays/,
  );
  assert.match(stderr, /Nothing was changed/);
  assert.not((await stacks().template("tiny-data")).includes("another-bucket"));
});

test("an app that fails says why, without a stack of CDK's", async () => {
  writeTinyApp(project, { topic: "two", code: "" });
  rmSync(join(project, "settings.json"));
  const { code, stderr } = await dagline("apply");
  assert.is(code, 1);
  assert.match(stderr, /the CDK app in infra\/ fails:[\s\S]*settings\.json/);
});

function stacks(): CloudFormationStacks {
  return new CloudFormationStacks({ region: aws.region, endpoint: aws.endpoint, credentials: aws.credentials });
}

function dagline(...args: string[]): ReturnType<typeof start> {
  return start([join(root, "src/cli/main.ts"), ...args], project);
}

async function start(
  args: readonly string[],
  cwd: string,
): Promise<{ code: number | null; stdout: string; stderr: string; seconds: number }> {
  const started = performance.now();
  const child = spawn(process.execPath, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  const text = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (chunk: string) => {
      text[name] += chunk;
    });
  }
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, ...text, seconds: (performance.now() - started) / 1000 };
}

function report(text: string): void {
  process.stderr.write(`  measured: ${text}\n`);
}

test.run();
