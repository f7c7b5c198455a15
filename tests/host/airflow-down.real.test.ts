import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import getPort from "get-port";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type LocalAws, startAws } from "../../local/aws.ts";
import { installHost } from "../../local/host.ts";
import { pythonBin, root } from "../../local/paths.ts";
import { type LocalSsm, startSsmServer } from "../../local/ssm-server.ts";
import { readPointer } from "../../src/deploy/read-bucket.ts";
import { sync } from "../../src/deploy/sync.ts";
import { TransientError } from "../../src/errors.ts";
import { readActive, writeStanding } from "../../src/host/standing.ts";
import { silentLog } from "../../src/log.ts";
import { AirflowApi } from "../../src/services/airflow-api.ts";
import { S3ObjectStore } from "../../src/services/s3.ts";
import { rejects } from "../rejects.ts";
import { dagPython, makeRelease } from "./make-release.ts";

const dir = mkdtempSync(join(tmpdir(), "dagline-down-"));
const home = join(dir, "host");
const instance = "i-0123456789abcdef0";
const first = makeRelease({ dags: { one: dagPython("one") } });
const second = makeRelease({ dags: { one: dagPython("one"), two: dagPython("two") } });
let aws: LocalAws;
let ssm: LocalSsm;
let store: S3ObjectStore;
let airflow: string;
let credentialsFile: string;

test.before(async () => {
  aws = await startAws({ dir });
  await aws.createBuckets("releases");
  const { region, endpoint, credentials } = aws;
  store = new S3ObjectStore({ bucket: "releases", region, endpoint, credentials });
  credentialsFile = join(dir, "credentials");
  writeFileSync(
    credentialsFile,
    `[default]\naws_access_key_id=${credentials.accessKeyId}\naws_secret_access_key=${credentials.secretAccessKey}\n`,
  );
  // Nobody listens there.
  airflow = `http://127.0.0.1:${await getPort({ host: "127.0.0.1" })}`;
  await installHost(home, {
    bucket: "releases",
    prefix: "",
    staging_bucket: "staging",
    staging_prefix: "",
    region,
    s3_endpoint: endpoint,
    node: process.execPath,
    python: join(pythonBin, "python"),
    airflow_home: join(dir, "airflow"),
    airflow_api: airflow,
    airflow_user: "admin",
    airflow_password_file: join(dir, "passwords.json"),
    connection: "dagline_postgres",
    bundle_name: "dagline",
    origins: {},
  });
  writeFileSync(join(dir, "passwords.json"), '{"admin":"secret"}');
  ssm = await startSsmServer({
    dir,
    documentsDir: join(root, "infra", "ssm"),
    instanceId: instance,
    env: { ...environment(), DAGLINE_HOME: home },
    region,
    credentials,
  });
  await deploy(first);
  assert.is((await agent("fetch", first.id)).code, 0);
  const active = { release: first.id, previous: null, commit: null, activated_at: "2024-02-29T12:00:00Z" };
  writeStanding(home, { kind: "proven", active });
});
test.after(async () => {
  await ssm?.stop();
  await aws?.stop();
  rmSync(dir, { recursive: true, force: true });
});
test.before.each(async () => {
  await deploy(second);
});

test("a reload while Airflow is down is to be tried again, in one line, and nothing is switched", async () => {
  const before = readFileSync(join(home, "active.json"), "utf8");
  const { code, stdout, stderr } = await agent("reload", "--release", second.id);
  assert.is(code, 3, stderr);
  const answer = JSON.parse(stdout) as { ok: boolean; active: string; error: { message: string; hint: string } };
  assert.is(answer.ok, false);
  assert.is(answer.active, first.id);
  assert.is(answer.error.message, `Airflow's API at ${airflow} does not answer`);
  assert.match(answer.error.hint, "Look at the service airflow-api-server");
  assert.not.match(stderr, /^ {4}at /m);
  assert.is(readFileSync(join(home, "active.json"), "utf8"), before);
  assert.is((await readPointer(store))?.pointer.release, first.id, "the pointer is back, too");
  assert.equal(
    readdirSync(home).filter((name) => /^(switching|try-)|\.new$/.test(name)),
    [],
  );
});

test("a reload of what is active, while Airflow is down, changes nothing, neither here nor in the bucket", async () => {
  await deploy(first);
  const pointer = (await readPointer(store))?.etag;
  const { code, stdout } = await agent("reload");
  assert.is(code, 3);
  assert.match(stdout, `Airflow's API at ${airflow} does not answer`);
  assert.is(readActive(home)?.release, first.id);
  assert.is((await readPointer(store))?.etag, pointer);
});

test("the host's status says that Airflow is down, and which release is active nevertheless", async () => {
  const { code, stdout } = await agent("status");
  assert.is(code, 0);
  const status = JSON.parse(stdout) as { release: string; healthy: boolean; problems: string[] };
  assert.is(status.release, first.id);
  assert.is(status.healthy, false);
  assert.is(status.problems.length, 1);
  assert.match(status.problems.join(), `Airflow's API at ${airflow} does not answer`);
});

test("`dagline reload` passes the host's line and exit code 3 on; `dagline drift` tells it as a difference", async () => {
  const reload = await cli("reload");
  assert.is(reload.code, 3, reload.stderr);
  assert.is(reload.stdout, "");
  assert.match(reload.stderr, `Airflow's API at ${airflow} does not answer`);
  assert.not.match(reload.stderr, /^ {4}at /m);
  const drift = await cli("drift", "--format", "json");
  assert.is(drift.code, 1, drift.stderr);
  const { drift: found } = JSON.parse(drift.stdout) as { drift: { where: string; message: string }[] };
  assert.is(found.filter(({ where, message }) => where === "host" && message.includes("does not answer")).length, 1, drift.stdout);
});

test("what `dagline run` asks of an Airflow that is down is to be tried again", async () => {
  const { call } = new AirflowApi({ url: airflow, user: "admin", passwordFile: join(dir, "passwords.json") });
  const error = await rejects(call("GET", "/dags/one"), /^Airflow's API at \S+ does not answer$/);
  assert.instance(error, TransientError);
});

async function deploy(release: typeof first): Promise<void> {
  await sync(release, store, { commit: null, now: new Date("2024-02-29T12:00:00Z"), log: silentLog });
}

function environment(): NodeJS.ProcessEnv {
  return {
    PATH: process.env.PATH,
    HOME: dir,
    TMPDIR: dir,
    AWS_SHARED_CREDENTIALS_FILE: credentialsFile,
    AWS_EC2_METADATA_DISABLED: "true",
  };
}

interface Ending {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function agent(...args: string[]): Promise<Ending> {
  return run(join(home, "bin", "dagline-agent"), args, environment());
}

function cli(...args: string[]): Promise<Ending> {
  const target = ["--bucket", "releases", "--instance", instance, "--region", aws.region];
  const endpoints = { AWS_ENDPOINT_URL_S3: aws.endpoint, AWS_ENDPOINT_URL_SSM: ssm.endpoint };
  return run(process.execPath, [join(root, "src", "cli", "main.ts"), ...args, ...target], { ...environment(), ...endpoints });
}

function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<Ending> {
  return new Promise((resolve) => {
    const child = execFile(command, args, { cwd: root, env }, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

test.run();
