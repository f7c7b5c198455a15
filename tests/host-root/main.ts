// npm run test:host: bootstrap.sh twice in a clean Debian or Ubuntu, its units checked, Airflow started as they would start it.
// Needs root, debootstrap, shellcheck, and some minutes; not part of npm test.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import getPort from "get-port";
import * as assert from "uvu/assert";
import { root as checkout } from "../../local/paths.ts";
import { type Service, startService, stopRecorded } from "../../local/process.ts";
import { sync } from "../../src/deploy/sync.ts";
import { describeError, UserError } from "../../src/errors.ts";
import { silentLog } from "../../src/log.ts";
import { renderProject } from "../../src/release/render-project.ts";
import { type HostCloud, startCloud } from "./cloud.ts";
import { debootstrap, emptyRoot, entering, type HostRoot } from "./root.ts";
import { readEnvironment, readUnit } from "./unit.ts";

const units = ["airflow-api-server", "airflow-scheduler", "airflow-dag-processor", "airflow-triggerer"];
const HEALTHY_WITHIN_SECONDS = 240;

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

  await check("shellcheck finds nothing in bootstrap.sh", () => {
    execFileSync("shellcheck", [join(checkout, "infra", "host", "bootstrap.sh")], { stdio: "inherit" });
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
  root.write("/etc/dagline/bootstrap.env", settingsFile);
  const first = await part("bootstrap.sh, the first time", () => bootstrap(root, cloud));
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
    const names = [...units.map((unit) => `${unit}.service`), "airflow.target", "dagline-agent.service", "dagline-agent.timer"];
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
  await check("no secret stands in a file that others may read, or in what was printed", () => noSecrets(root, cloud, first));
  await part("the units start Airflow, and it becomes healthy", () => startUnits(root, cloud, work, port));
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
}

function bootstrap(root: HostRoot, cloud: HostCloud): Promise<string> {
  return root.run(["/opt/dagline-package/bootstrap.sh"], cloud.credentials);
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

/** Each unit's ExecStart, as its user, in its environment, able to write only where it may. */
async function startUnits(root: HostRoot, cloud: HostCloud, work: string, port: number): Promise<void> {
  const services = units.map((name) => startUnit(root, cloud, work, name));
  ended.push(async () => {
    await Promise.all(services.map((service) => service.stop(20)));
  });
  const gone = Promise.race(
    services.map(({ exited, name, logFile }) =>
      exited.then(() => {
        throw new Error(`${name} ended:\n${execFileSync("tail", ["-n", "30", logFile], { encoding: "utf8" })}`);
      }),
    ),
  );
  gone.catch(() => {}); // they end when they are stopped, too
  await Promise.race([gone, untilHealthy(port)]);
}

function startUnit(root: HostRoot, cloud: HostCloud, work: string, name: string): Service {
  const unit = readUnit(root.read(`/etc/systemd/system/${name}.service`));
  const user = unit.get("User") ?? "root";
  const identity = ["--reuid", user, "--regid", unit.get("Group") ?? user, "--init-groups", "--no-new-privs", "--bounding-set=-all"];
  const inside = ["/bin/sh", "-c", 'cd "$1" && shift && exec "$@"', "unit", unit.get("WorkingDirectory") ?? "/"];
  const exec = ["setpriv", ...identity, "--", ...(unit.get("ExecStart") ?? "").split(" ")];
  const [command = "", ...args] = entering(root.dir, unit.get("ReadWritePaths")?.split(" ") ?? [], [...inside, ...exec]);
  const env = { ...readEnvironment(root.read(unit.get("EnvironmentFile") ?? "")), ...cloud.credentials };
  // unshare itself is found on this machine's PATH, the rest in the root.
  return startService({ name, command, args, env: { ...env, PATH: `${env.PATH}:/usr/sbin:/sbin` }, cwd: "/", dir: work });
}

async function untilHealthy(port: number): Promise<void> {
  const end = performance.now() + HEALTHY_WITHIN_SECONDS * 1000;
  let said = "nothing";
  while (performance.now() < end) {
    const response = await fetch(`http://127.0.0.1:${port}/api/v2/monitor/health`).catch(() => undefined);
    if (response?.ok === true) {
      const health = (await response.json()) as Record<string, { status: string | null }>;
      said = Object.entries(health)
        .map(([name, { status }]) => `${name} ${status}`)
        .join(", ");
      const parts = ["metadatabase", "scheduler", "dag_processor", "triggerer"];
      if (parts.every((name) => health[name]?.status === "healthy")) return;
    }
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  throw new Error(`Airflow was not healthy within ${HEALTHY_WITHIN_SECONDS} s; it said: ${said}`);
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
