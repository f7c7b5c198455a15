// npm run test:host: bootstrap.sh twice in a clean Debian or Ubuntu, its units checked, Airflow started as they would start it.
// Needs root, debootstrap, shellcheck, and some minutes; not part of npm test.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import getPort from "get-port";
import * as assert from "uvu/assert";
import { root as checkout } from "../../local/paths.ts";
import { stopRecorded } from "../../local/process.ts";
import { sync } from "../../src/deploy/sync.ts";
import { describeError, UserError } from "../../src/errors.ts";
import { silentLog } from "../../src/log.ts";
import { renderProject } from "../../src/release/render-project.ts";
import { rejects } from "../rejects.ts";
import { type HostCloud, startCloud } from "./cloud.ts";
import { cleansLogs } from "./logs.ts";
import { debootstrap, emptyRoot, type HostRoot } from "./root.ts";
import { memoryOf, startUnits, units } from "./services.ts";
import { bootstrap, followsNoLink, killedAnywhere, killedBeforeRestart } from "./trouble.ts";

/** Twice what the four services take at rest: infra/host/host.md names the machine that this needs. */
const MOST_MEMORY_MIB = 1500;

const ended: (() => Promise<void> | void)[] = [];
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => void finish());
let finishing: Promise<never> | undefined;
let underway: Promise<unknown> = Promise.resolve();
const count = { passed: 0, failed: 0 };
try {
  await everything();
} catch {
  // The part that failed has said so, and what follows needs it.
}
await finish();

async function everything(): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), "dagline-host-"));
  execFileSync("chmod", ["711", work]);
  ended.push(async () => {
    // Interrupted, a part may be about to start something.
    await underway;
    await stopRecorded(work);
    rmSync(work, { recursive: true, force: true });
  });
  const host = join(checkout, "dist", "host");

  await check("shellcheck finds nothing in bootstrap.sh and upkeep.sh", () => {
    const scripts = ["bootstrap.sh", "upkeep.sh"].map((name) => join(checkout, "infra", "host", name));
    execFileSync("shellcheck", scripts, { stdio: "inherit" });
  });
  await part("the host package is built", () => {
    execFileSync(process.execPath, [join(checkout, "scripts", "build.ts"), "host"], { stdio: "ignore" });
  });
  const cloud = await part("PostgreSQL and AWS's API on this machine", () => startCloud(work));
  ended.push(() => cloud.stop());
  const root = emptyRoot();
  ended.push(() => root.remove());
  await part("a clean system, by debootstrap", () => debootstrap(root));
  root.put(host, "/opt/dagline-package");
  const port = await getPort({ host: "127.0.0.1" });
  const settings = Object.entries({ ...cloud.settings, API_PORT: String(port) });
  const settingsFile = settings.map(([name, value]) => `${name}=${value}\n`).join("");

  await check("a wrong setting is refused, with its line, and nothing is installed", async () => {
    root.write("/etc/dagline/bootstrap.env", `${settingsFile}DAGS_BUCKET=$(touch /pwned)\n`);
    const message = await bootstrap(root, cloud).then(
      () => "it was taken",
      (error: unknown) => String(error),
    );
    assert.match(message, `bootstrap.env:${settings.length + 1}: DAGS_BUCKET can't be`);
    assert.not.match(root.list().join("\n"), /^(pwned|opt\/dagline\/)/m);
  });
  await check("a machine of another kind is refused, with the reason", async () => {
    root.write("/usr/local/sbin/uname", "#!/bin/sh\necho aarch64\n");
    await root.run(["chmod", "755", "/usr/local/sbin/uname"]);
    await rejects(bootstrap(root, cloud), /this is a machine of kind aarch64\. Use one of x86-64: /);
    await root.run(["rm", "/usr/local/sbin/uname"]);
  });
  root.write("/etc/dagline/bootstrap.env", settingsFile);
  const killed = await part("bootstrap.sh, killed in the middle of its longest steps", () => killedAnywhere(root, cloud));
  const first = await part("bootstrap.sh, the first time that it may end", () => bootstrap(root, cloud));
  process.stderr.write(first.trimEnd().replace(/^/gm, "    ").concat("\n"));

  const before = root.list();
  await check("bootstrap.sh, the second time, changes nothing", async () => {
    assert.match(await bootstrap(root, cloud), /^nothing changed, in \d+ s$/m);
    assert.is(differences(before, root.list()).join("\n"), "");
  });
  await check("another setting changes what it concerns, and no more", async () => {
    root.write("/etc/dagline/bootstrap.env", `${settingsFile}PARALLELISM=4\n`);
    assert.match(await bootstrap(root, cloud), /^changes: 1, in \d+ s$/m);
    assert.match(root.read("/etc/dagline/airflow.cfg"), /^parallelism = 4$/m);
  });
  await check("systemd-analyze verify finds nothing in the units", async () => {
    const ours = ["dagline-agent", "dagline-upkeep"].flatMap((name) => [`${name}.service`, `${name}.timer`]);
    const names = [...units.map((unit) => `${unit}.service`), "airflow.target", ...ours];
    const output = await root.run(["systemd-analyze", "verify", "--man=no", ...names.map((name) => `/etc/systemd/system/${name}`)]);
    assert.equal(output.trim(), "");
  });
  await check("systemd-analyze security: each service's exposure is low", async () => {
    for (const unit of [...units, "dagline-agent"])
      await root.run([
        "systemd-analyze",
        "security",
        "--offline=true",
        "--threshold=25",
        "--no-pager",
        `/etc/systemd/system/${unit}.service`,
      ]);
  });
  await check("no secret stands in a file that others may read, or in what was printed", () => noSecrets(root, cloud, killed + first));
  await check("logs are rotated, and those of tasks removed after a month", () => cleansLogs(root));
  await check("the AWS CLI is there for whoever is on call", async () => {
    assert.match(await root.run(["aws", "--version"]), /^aws-cli\//);
  });
  const services = await part("the units start Airflow, and it becomes healthy", () => startUnits({ root, cloud, work, port, ended }));
  await check("Airflow finds the connection in Secrets Manager", async () => {
    const output = await root.run(
      ["/opt/dagline/bin/airflow", "connections", "get", "dagline_postgres", "--output", "json"],
      cloud.credentials,
    );
    const [connection] = JSON.parse(output.slice(output.indexOf("[{"))) as Record<string, unknown>[];
    assert.is(connection?.conn_type, "postgres");
    assert.is(connection?.schema, "data_pipeline_db");
    assert.is(connection?.login, "data_pipeline");
  });
  await check("the agent answers, started by root as SSM does", async () => {
    const output = await root.run(["/opt/dagline/bin/dagline-agent", "status"], cloud.credentials);
    assert.match(output, /"release":null/);
    assert.match(output, /"healthy":true/);
  });
  await check("the agent switches to a release, and proves that Airflow serves it", async () => {
    const release = await renderProject(checkout, silentLog);
    await sync(release, cloud.store, { commit: null, now: new Date(), log: silentLog });
    const output = await root.run(["/opt/dagline/bin/dagline-agent", "reload", "--release", release.id], cloud.credentials);
    assert.match(output, `"ok":true,"release":"${release.id}"`);
  });
  await check(`Airflow lives on less than ${MOST_MEMORY_MIB} MiB`, () => {
    const memory = memoryOf(services);
    process.stderr.write(`    it takes ${memory} MiB\n`);
    assert.ok(memory > 0 && memory < MOST_MEMORY_MIB);
  });
  await check("killed before Airflow restarted, it restarts Airflow the next time, and waits until it is healthy", () =>
    killedBeforeRestart(root, cloud, `${settingsFile}PARALLELISM=3\n`),
  );
  await check("a new package is installed, and through no link that airflow put there", () => followsNoLink(root, cloud));
}

/** What the run itself leaves behind and nobody keeps. */
function differences(before: readonly string[], after: readonly string[]): string[] {
  const known = new Set(before);
  const passing = /^(|tmp|run|run\/dagline-bootstrap\.lock) /;
  return after.filter((line) => !known.has(line) && !passing.test(line));
}

function noSecrets(root: HostRoot, cloud: HostCloud, output: string): void {
  for (const password of cloud.passwords) {
    assert.not.ok(output.includes(password), "bootstrap.sh printed a password");
    const grep = [
      "-rlIF",
      "--",
      password,
      ...["etc", "var", "opt/dagline/host.json", "opt/dagline/bin"].map((path) => join(root.dir, path)),
    ];
    assert.throws(() => execFileSync("grep", grep), /Command failed/, "a password stands in a file");
  }
  const modes = new Map(root.list().map((line) => [line.split(" ")[0], line.split(" ")[2]]));
  assert.is(modes.get("var/lib/airflow/passwords.json"), "600");
  for (const key of ["fernet", "jwt", "api"]) assert.is(modes.get(`etc/dagline/keys/${key}`), "640");
}

/** What the rest needs: when it fails, the rest is left out. */
async function part<T>(title: string, work: () => Promise<T> | T): Promise<T> {
  const start = performance.now();
  const tell = (mark: string): void => {
    process.stderr.write(`${mark} ${title} ${((performance.now() - start) / 1000).toFixed(1)} s\n`);
  };
  try {
    if (finishing !== undefined) throw new UserError("interrupted");
    const working = Promise.resolve(work());
    underway = working.catch(() => {});
    const result = await working;
    count.passed += 1;
    tell("✓");
    return result;
  } catch (error) {
    count.failed += 1;
    tell("✗");
    const text =
      error instanceof UserError ? describeError(error) : error instanceof Error ? `${error.message}\n${error.stack}` : String(error);
    const details = error instanceof assert.Assertion ? `\n${error.details}` : "";
    process.stderr.write(`${text}${details}\n`);
    throw error;
  }
}

/** When it fails, the rest goes on. */
async function check(title: string, work: () => Promise<void> | void): Promise<void> {
  await part(title, work).catch(() => {});
}

/** However often it is asked for, once: a signal makes the part fail that is under way. */
function finish(): Promise<never> {
  finishing ??= endAll();
  return finishing;
}

async function endAll(): Promise<never> {
  for (const end of ended.splice(0).reverse()) {
    try {
      await end();
    } catch (error) {
      count.failed += 1;
      process.stderr.write(`${error}\n`);
    }
  }
  process.stdout.write(`${count.passed} passed, ${count.failed} failed\n`);
  process.exit(count.failed === 0 ? 0 : 1);
}
