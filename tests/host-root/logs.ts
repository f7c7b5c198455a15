import { utimesSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { HostRoot } from "./root.ts";

const DAY_SECONDS = 86_400;

/** What logrotate and systemd-tmpfiles do on a host each day. */
export async function cleansLogs(root: HostRoot): Promise<void> {
  root.write("/var/log/airflow/scheduler.log", "a line\n");
  await root.run(["logrotate", "--force", "/etc/logrotate.d/dagline"]);
  assert.is(root.read("/var/log/airflow/scheduler.log"), "");
  assert.is(root.read("/var/log/airflow/scheduler.log.1"), "a line\n");

  for (const days of [29, 31]) {
    const file = `/var/log/airflow/tasks/dag_id=a/${days}.log`;
    root.write(file, "a line\n");
    const time = Date.now() / 1000 - days * DAY_SECONDS;
    utimesSync(join(root.dir, file), time, time);
  }
  await root.run(["systemd-tmpfiles", "--clean", "/etc/tmpfiles.d/dagline.conf"]);
  const kept = root.list().filter((line) => line.startsWith("var/log/airflow/tasks/dag_id=a/"));
  assert.equal(
    kept.map((line) => line.split(" ")[0]),
    ["var/log/airflow/tasks/dag_id=a/29.log"],
  );
}
