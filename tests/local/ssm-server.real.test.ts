import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DescribeInstanceInformationCommand, ListCommandsCommand, SendCommandCommand, SSMClient } from "@aws-sdk/client-ssm";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type LocalSsm, startSsmServer } from "../../local/ssm-server.ts";
import { UserError } from "../../src/errors.ts";
import { SsmHostCommands } from "../../src/services/ssm.ts";
import { isRunning } from "../is-running.ts";
import { rejects } from "../rejects.ts";
import { until } from "../until.ts";

const dir = mkdtempSync(join(tmpdir(), "dagline-ssm-"));
const region = "eu-west-2";
const instance = "i-0123456789abcdef0";
const credentials = { accessKeyId: "AKIATEST", secretAccessKey: "right" };
let server: LocalSsm;

test.before(async () => {
  await writeFile(
    join(dir, "dagline-reload.yml"),
    `schemaVersion: "2.2"
parameters:
  ReleaseId: { type: String, default: current, allowedPattern: "^(current|[0-9a-f]{64})$" }
mainSteps:
  - inputs: { timeoutSeconds: "20", runCommand: ["echo started >&2", "echo \\"$GREETING '{{ ReleaseId }}'\\"", "exit 7"] }
`,
  );
  await writeFile(
    join(dir, "dagline-status.yml"),
    `mainSteps:
  - inputs: { timeoutSeconds: "60", runCommand: ["sleep 60 & echo $! > ${join(dir, "child.pid")}", "wait"] }
`,
  );
  server = await startSsmServer({
    documentsDir: dir,
    instanceId: instance,
    env: { PATH: process.env.PATH, GREETING: "hello" },
    region,
    credentials,
    dir,
  });
});
test.after(async () => {
  await server.stop();
  rmSync(dir, { recursive: true });
});

const commands = (secretAccessKey = "right"): SsmHostCommands =>
  new SsmHostCommands({ region, endpoint: server.endpoint, instance, credentials: { ...credentials, secretAccessKey } });

test("a document's script runs on this machine, and its output and exit code come back", async () => {
  const outcome = await commands().run("dagline-reload", {}, { timeoutSeconds: 10 });
  assert.equal(outcome, { status: "Failed", exitCode: 7, stdout: "hello 'current'\n", stderr: "started\n" });
});

test("a parameter that its pattern refuses never reaches a shell", async () => {
  const error = await rejects(
    commands().run("dagline-reload", { ReleaseId: `x'; touch ${join(dir, "pwned")}; '` }, { timeoutSeconds: 10 }),
  );
  assert.instance(error, UserError);
  assert.is((error.cause as Error).name, "InvalidParameters");
  assert.not(existsSync(join(dir, "pwned")));
});

test("what a command prints is kept where the settings name a bucket and a log group; by default nowhere", async () => {
  const output = { bucket: "some-logs", logGroup: "/some/commands" };
  const settings = { region, endpoint: server.endpoint, instance, credentials };
  const kept = async (...given: { bucket: string | null; logGroup: string | null }[]) => {
    await new SsmHostCommands({ ...settings, ...(given[0] === undefined ? {} : { output: given[0] }) }).run(
      "dagline-reload",
      {},
      { timeoutSeconds: 10 },
    );
    const { Commands = [] } = await new SSMClient(settings).send(new ListCommandsCommand({}));
    const { OutputS3BucketName, OutputS3KeyPrefix, CloudWatchOutputConfig } = Commands.at(-1) ?? {};
    return [OutputS3BucketName, OutputS3KeyPrefix, CloudWatchOutputConfig];
  };
  const toLogs = { CloudWatchLogGroupName: "/some/commands", CloudWatchOutputEnabled: true };
  assert.equal(await kept(output), ["some-logs", "commands/dagline-reload", toLogs]);
  assert.equal(await kept({ ...output, logGroup: null }), ["some-logs", "commands/dagline-reload", undefined]);
  assert.equal(await kept(), [undefined, undefined, undefined]);
});

test("only the known documents can be run", async () => {
  const client = new SSMClient({ region, endpoint: server.endpoint, credentials });
  const run = client.send(
    new SendCommandCommand({ DocumentName: "AWS-RunShellScript", InstanceIds: [instance], Parameters: { commands: ["true"] } }),
  );
  assert.is((await rejects(run)).name, "InvalidDocument");
});

test("a request that is not signed with the right secret is refused", async () => {
  const error = await rejects(commands("wrong").run("dagline-reload", {}, { timeoutSeconds: 10 }), /does not accept the credentials/);
  assert.instance(error, UserError);
  const unsigned = await fetch(server.endpoint, { method: "POST", headers: { "x-amz-target": "AmazonSSM.SendCommand" }, body: "{}" });
  assert.is(unsigned.status, 400);
});

test("a signed request that was altered on its way is refused", async () => {
  const client = new SSMClient({ region, endpoint: server.endpoint, credentials, maxAttempts: 1 });
  const run = new SendCommandCommand({ DocumentName: "dagline-reload", InstanceIds: [instance], Parameters: { ReleaseId: ["current"] } });
  client.middlewareStack.add(
    (next) => (args) => {
      const request = args.request as { body: Uint8Array };
      request.body = Buffer.from(new TextDecoder().decode(request.body).replace("current", "CURRENT"));
      return next(args);
    },
    { step: "deserialize", name: "alter" }, // after signing
  );
  assert.is((await rejects(client.send(run))).name, "UnrecognizedClientException");
});

test("a body that is no JSON object is refused", async () => {
  const client = new SSMClient({ region, endpoint: server.endpoint, credentials, maxAttempts: 1 });
  client.middlewareStack.add(
    (next) => (args) => {
      const request = args.request as { body: Uint8Array; headers: Record<string, string> };
      request.body = Buffer.from("[1,");
      request.headers["content-length"] = "3";
      return next(args);
    },
    { step: "build", name: "break", priority: "low" },
  );
  assert.is((await rejects(client.send(new DescribeInstanceInformationCommand({})))).name, "SerializationException");
});

test("a script that is running is in the stack's list of processes, so that it can be ended after a crash of ours", async () => {
  await commands().run("dagline-reload", {}, { timeoutSeconds: 10 });
  assert.match(readFileSync(join(dir, "processes.jsonl"), "utf8"), /"name":"dagline-reload","pid":\d+/);
});

test("an aborted command is cancelled on the host with everything that it started", async () => {
  const abort = new AbortController();
  const running = commands().run("dagline-status", {}, { timeoutSeconds: 50, signal: abort.signal });
  const child = Number(await until("the script's child", async () => existsSync(join(dir, "child.pid")) && readPid()));
  abort.abort();
  await rejects(running, /aborted/);
  await until("the child's end", () => !isRunning(child));
});

function readPid(): string {
  return readFileSync(join(dir, "child.pid"), "utf8").trim();
}

test.run();
