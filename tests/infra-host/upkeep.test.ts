import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { root } from "../../local/paths.ts";

const script = join(root, "infra", "host", "upkeep.sh");
const replaced = "7f0000000000-7f0000001000 r-xp 00000000 103:01 1 /usr/lib/x86_64-linux-gnu/libssl.so.3 (deleted)\n";
const current = "7f0000000000-7f0000001000 r-xp 00000000 103:01 2 /usr/lib/x86_64-linux-gnu/libssl.so.3\n";
const temporary = "7f0000000000-7f0000001000 rw-s 00000000 00:01 3 /tmp/ffi (deleted)\n";
const [idle, busy] = ['{"in_flight":{},"healthy":true}', '{"in_flight":{"trips":1},"healthy":true}'];
const units = ["api-server", "scheduler", "dag-processor", "triggerer"].map((name) => `airflow-${name}.service`);
const [stop, go] = ["STOP", "CONT"].map((signal) => `kill --kill-whom=main --signal=${signal} airflow-scheduler.service`);

test("services that run on replaced libraries restart when no run is in flight", () => {
  assert.equal(upkeep({ maps: replaced }).asked, [stop, `restart ${units.join(" ")}`, go]);
});

test("where an update asks for a reboot, the machine reboots when no run is in flight", () => {
  assert.equal(upkeep({ maps: replaced, reboot: true }).asked, [stop, "reboot", go]);
});

test("where nothing was replaced, Airflow is not even asked", () => {
  for (const maps of [current, temporary]) assert.equal(upkeep({ maps, statuses: [] }), { status: 0, asked: [], said: "nothing to do\n" });
});

test("while runs are in flight, Airflow is not healthy, or the agent fails, nothing is done", () => {
  const others = ['{"in_flight":{},"healthy":false}', '{"in_flight":null,"healthy":true}', ""];
  for (const answer of [busy, ...others]) {
    assert.equal(upkeep({ maps: replaced, reboot: true, statuses: [answer] }).asked, [], answer);
  }
});

test("a run that begins between the look and the restart goes on", () => {
  const { asked, said } = upkeep({ maps: replaced, statuses: [idle, busy] });
  assert.equal(asked, [stop, go]);
  assert.match(said, "a run has just begun");
});

test("a reload under way, by the timer or by hand, is left alone", () => {
  const cmdline = "/opt/dagline/node/bin/node\0/opt/dagline/agent.mjs\0reload\0--release\0current\0";
  assert.equal(upkeep({ maps: replaced, cmdline }).asked, []);
});

test("while bootstrap.sh runs, nothing is done", () => {
  const { asked, said } = upkeep({ maps: replaced, locked: true });
  assert.equal(asked, []);
  assert.is(said, "bootstrap.sh is running\n");
});

interface Machine {
  /** /proc/PID/maps of Airflow's services. */
  readonly maps: string;
  readonly reboot?: boolean;
  /** What the agent answers, one after the other; nothing makes it fail. */
  readonly statuses?: readonly string[];
  /** Of another process. */
  readonly cmdline?: string;
  readonly locked?: boolean;
}

/** Runs upkeep.sh on a machine of files, with a systemctl that writes down what it is asked to do. */
function upkeep({ maps, reboot, statuses = [idle, idle], cmdline, locked }: Machine): {
  status: number | null;
  asked: string[];
  said: string;
} {
  const dir = mkdtempSync(join(tmpdir(), "dagline-upkeep-"));
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), text, { mode: 0o755 });
  };
  try {
    write("asked", "");
    write("statuses", statuses.map((status) => `${status}\n`).join(""));
    write("run/dagline-bootstrap.lock", "");
    if (reboot === true) write("run/reboot-required", "");
    write("proc/7/maps", maps);
    write("proc/8/cmdline", cmdline ?? "cron\0");
    write("bin/systemctl", `#!/bin/sh\nif [ "$1" = show ]; then echo 7; else echo "$*" >>${dir}/asked; fi\n`);
    write("opt/dagline/bin/dagline-agent", `#!/bin/sh\nsed -n 1p ${dir}/statuses | grep . && sed -i 1d ${dir}/statuses\n`);
    const run = ["bash", script, dir];
    const command = locked === true ? ["flock", join(dir, "run/dagline-bootstrap.lock"), ...run] : run;
    const env = { ...process.env, PATH: `${dir}/bin:${process.env.PATH}` };
    const { status, stdout } = spawnSync(command[0] ?? "", command.slice(1), { encoding: "utf8", env });
    return { status, asked: readFileSync(join(dir, "asked"), "utf8").split("\n").filter(Boolean), said: stdout };
  } finally {
    rmSync(dir, { recursive: true });
  }
}

test.run();
