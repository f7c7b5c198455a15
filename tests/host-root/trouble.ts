import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, globSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { rejects } from "../rejects.ts";
import type { HostCloud } from "./cloud.ts";
import type { HostRoot } from "./root.ts";

const command = "/opt/dagline-package/bootstrap.sh";

export function bootstrap(root: HostRoot, cloud: HostCloud): Promise<string> {
  return root.run([command], cloud.credentials);
}

/** Kills one run after the other, each a step further: while it waits for apt's lock, unpacks, installs Python's packages, makes tables. Gives what they printed. */
export async function killedAnywhere(root: HostRoot, cloud: HostCloud): Promise<string> {
  const killWhen = (when: (output: string) => boolean): Promise<string> => root.killWhen([command], cloud.credentials, when);
  const letGo = await otherInstallation(root);
  const printed = await killWhen((output) => output.includes("waiting for the end of another installation")).finally(letGo);
  return [
    printed,
    await killWhen(() => /install python3-minimal/.test(root.read("/var/log/dpkg.log"))),
    await killWhen(() => globSync(join(root.dir, "opt/dagline/environments/*/lib/*/site-packages/airflow")).length > 0),
    await killWhen(() => hasText(join(root.dir, "var/log/airflow/db-migrate.log"))),
  ].join("");
}

/** Holds the lock that apt and dpkg take, as an installation of the system's own does, until it is let go. */
async function otherInstallation(root: HostRoot): Promise<() => Promise<void>> {
  const code =
    "import fcntl, sys\nlock = open(sys.argv[1], 'w')\nfcntl.lockf(lock, fcntl.LOCK_EX)\nprint('held', flush=True)\nsys.stdin.read()";
  const holder = spawn("python3", ["-c", code, join(root.dir, "var/lib/dpkg/lock-frontend")], { stdio: ["pipe", "pipe", "inherit"] });
  await once(holder.stdout, "data");
  return async () => {
    const closed = once(holder, "close");
    holder.stdin.end();
    await closed;
  };
}

function hasText(file: string): boolean {
  return existsSync(file) && statSync(file).size > 0;
}

/** Here, systemd does not run: a systemctl that writes down what it is asked for, and kills the script at the first restart. */
export async function killedBeforeRestart(root: HostRoot, cloud: HostCloud, settings: string): Promise<void> {
  const asked = "/var/log/asked-of-systemctl";
  root.write(
    "/usr/local/sbin/systemctl",
    `#!/bin/sh
[ "$1" = --quiet ] && exit 0
killed=$(grep -c '^restart' ${asked})
echo "$*" >>${asked}
if [ "$1" = restart ] && [ "$killed" = 0 ]; then kill -KILL $PPID; fi
`,
  );
  await root.run(["chmod", "755", "/usr/local/sbin/systemctl"]);
  root.write(asked, "");
  mkdirSync(join(root.dir, "run/systemd/system"), { recursive: true });
  try {
    root.write("/etc/dagline/bootstrap.env", settings);
    // Whose id is 1 in its namespace cannot be killed from within.
    await rejects(root.run(["sh", "-c", `${command}; exit $?`], cloud.credentials), /exit code 137/);
    assert.match(await bootstrap(root, cloud), / {2}restarted Airflow\n.* {2}waiting until it is healthy\n.*\nchanges: 1,/s);
    const restart =
      "daemon-reload\nrestart airflow-api-server.service airflow-scheduler.service airflow-dag-processor.service airflow-triggerer.service\n";
    assert.is(root.read(asked), restart.repeat(2));
    assert.match(await bootstrap(root, cloud), /^nothing changed/m);
  } finally {
    await root.run(["rm", "-r", "/run/systemd/system", "/usr/local/sbin/systemctl", asked]);
  }
}

/** The user airflow may make files in /opt/dagline, where root writes. */
export async function followsNoLink(root: HostRoot, cloud: HostCloud): Promise<void> {
  const links = [
    "ln -s /etc /opt/dagline/.python.new",
    "ln -s /etc/passwd /opt/dagline/agent.mjs.new",
    "mv /opt/dagline/releases /opt/dagline/releases.away",
    "ln -s /etc /opt/dagline/releases",
  ];
  const asAirflow = ["setpriv", "--reuid", "airflow", "--regid", "airflow", "--init-groups", "--"];
  await root.run([...asAirflow, "sh", "-ec", links.join("\n")]);
  const before = root.list().filter((line) => line.startsWith("etc"));
  root.write("/opt/dagline-package/python/dagline_airflow/new.py", "# new\n");
  root.write("/opt/dagline-package/agent.mjs", `${root.read("/opt/dagline-package/agent.mjs")}// new\n`);
  assert.match(await bootstrap(root, cloud), /^changes: 2,/m);
  assert.equal(
    root.list().filter((line) => line.startsWith("etc")),
    before,
  );
  assert.is(root.read("/opt/dagline/python/dagline_airflow/new.py"), "# new\n");
  assert.match(root.read("/opt/dagline/agent.mjs"), /\/\/ new\n$/);
}
