import { execFileSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ACCOUNT, type CloudAccount, type Ended, measured, startAccount } from "../infra/cloud-account.ts";
import { writeTinyApp } from "./tiny-app.ts";

// `dagline apply` with CDK's own command line, against moto: an account that is bootstrapped, two stacks, an update, a failure.
let account: CloudAccount;
let project: string;
let bucket: string;

test.before(async () => {
  account = await startAccount();
  project = join(account.dir, "project");
});
test.after(() => account?.stop());

test("an account without bootstrap gives one message with the command", async () => {
  writeTinyApp(project, { topic: "one", code: "export const one = 1;" });
  const { code, stderr } = await dagline("apply");
  assert.is(code, 1);
  assert.match(stderr, /the AWS account is not prepared for CDK in eu-west-2/);
  assert.match(stderr, /npx cdk bootstrap aws:\/\/ACCOUNT\/eu-west-2/);
});

test("a plan shows every resource and changes nothing", async () => {
  await account.cdk(["bootstrap", `aws://${ACCOUNT}/${account.aws.region}`], account.dir);
  const { code, stdout, stderr } = await dagline("apply", "--plan", "--format", "json");
  assert.is(code, 0, stderr);
  const { changes } = JSON.parse(stdout);
  assert.equal([...new Set(changes.map(({ action }: { action: string }) => action))], ["create"]);
  assert.ok(changes.some(({ resource }: { resource: string }) => resource === "tiny-data/Bucket"));
  assert.is(await account.cloud.describe("tiny-data"), null);
});

test("the first apply makes both stacks in order, and gives their outputs", async () => {
  const ended = await dagline("apply", "--format", "json");
  const { code, stdout, stderr } = ended;
  assert.is(code, 0, stderr);
  const result = JSON.parse(stdout);
  assert.equal(result.changed, ["tiny-data", "tiny-compute"]);
  assert.match(result.outputs["tiny-data"].DagsBucket, /^[a-z0-9-]+$/);
  assert.match(stderr, /tiny-data: CREATE_COMPLETE tiny-data/);
  assert.match(stderr, /success: Published Code/);
  bucket = result.outputs["tiny-data"].DagsBucket;
  measured("create of two stacks", ended);
});

test("an apply of the same app is done in seconds, and prepares nothing", async () => {
  const ended = await dagline("apply");
  const { code, stdout, stderr } = ended;
  assert.is(code, 0, stderr);
  assert.is(stdout, "every stack was right already\n");
  assert.not.match(stderr, /Published|changeset/);
  measured("apply without a change, synthesis included", ended);
});

test("a changed app updates the stack that differs, and no other", async () => {
  writeTinyApp(project, { topic: "two", code: "export const one = 2;" });
  const ended = await dagline("apply", "--format", "json");
  const { code, stdout, stderr } = ended;
  assert.is(code, 0, stderr);
  const result = JSON.parse(stdout);
  assert.equal(result.changed, ["tiny-compute"]);
  assert.equal(result.plan.changes.map(({ resource }: { resource: string }) => resource).sort(), [
    "tiny-compute/CodeKey",
    "tiny-compute/Topic",
  ]);
  assert.match(stderr, /tiny-data: unchanged/);
  measured("update of one stack", ended);
});

test("a resource that AWS refuses ends the apply with its own reason, and the stack is what it was", async () => {
  await account.aws.createBuckets("a-name-that-is-taken");
  writeTinyApp(project, { topic: "two", code: "export const one = 2;", another: "a-name-that-is-taken" });
  const { code, stderr } = await dagline("apply");
  assert.is(code, 1);
  assert.match(
    stderr,
    /stack tiny-compute: Another\w+ \(AWS::S3::Bucket\) could not be created: The requested bucket name is not available\..*\n.*choose another name in infra\/config\.ts\. The stack was rolled back to what it was\./,
  );
  assert.is((await account.cloud.describe("tiny-compute"))?.status, "UPDATE_ROLLBACK_COMPLETE");
  writeTinyApp(project, { topic: "two", code: "export const one = 2;" });
  assert.is((await dagline("apply")).code, 0);
});

test("with the bucket of releases named, an apply of the same commit is done in a second and needs no CDK", async () => {
  writeFileSync(join(project, ".gitignore"), "node_modules\n");
  git("init", "--quiet");
  git("add", ".");
  git("commit", "--quiet", "--message", "The app");
  const first = await dagline("apply", "--bucket", bucket);
  assert.is(first.code, 0, first.stderr);
  assert.match(first.stderr, /tiny-data: unchanged/);
  const again = await dagline("apply", "--bucket", bucket, "--format", "json");
  assert.is(again.code, 0, again.stderr);
  assert.equal(JSON.parse(again.stdout).changed, []);
  assert.is(JSON.parse(again.stdout).outputs["tiny-data"].DagsBucket, bucket);
  assert.not.match(again.stderr, /unchanged/, "no stack was compared");
  assert.ok(again.seconds < 4, `${again.seconds} s`);
  measured("apply of the same commit", again);
});

test("a bucket whose name another stack reads can't be replaced, and the apply says so before it changes anything", async () => {
  writeTinyApp(project, { topic: "two", code: "export const one = 2;", bucketName: "another-bucket-of-ours" });
  const { code, stderr } = await dagline("apply");
  assert.is(code, 1);
  assert.match(stderr, /tiny-compute/);
  assert.match(stderr, /Nothing was changed/);
  assert.not((await account.cloud.template("tiny-data")).includes("another-bucket"));
});

test("an app that fails says why, without a stack of CDK's", async () => {
  writeTinyApp(project, { topic: "two", code: "" });
  rmSync(join(project, "settings.json"));
  const { code, stderr } = await dagline("apply");
  assert.is(code, 1);
  assert.match(stderr, /the CDK app in infra\/ fails:[\s\S]*settings\.json/);
});

function dagline(...args: string[]): Promise<Ended> {
  return account.dagline(args, project);
}

function git(...args: string[]): void {
  execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@example.com", ...args], { cwd: project, stdio: "ignore" });
}

test.run();
