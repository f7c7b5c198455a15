import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Service, startService } from "../../local/process.ts";
import type { HostCloud } from "./cloud.ts";
import { entering, type HostRoot } from "./root.ts";
import { readEnvironment, readUnit } from "./unit.ts";

export const units = ["airflow-api-server", "airflow-scheduler", "airflow-dag-processor", "airflow-triggerer"] as const;
const HEALTHY_WITHIN_SECONDS = 240;

interface Start {
  readonly root: HostRoot;
  readonly cloud: HostCloud;
  /** A folder for logs. */
  readonly work: string;
  /** Where the API server listens. */
  readonly port: number;
  /** What is to be done at the end, last things first. */
  readonly ended: (() => Promise<void> | void)[];
}

/** Each unit's ExecStart, as its user, in its environment, able to write only where it may. */
export async function startUnits({ root, cloud, work, port, ended }: Start): Promise<readonly Service[]> {
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
  return services;
}

/** How much memory the services and all that they started take, in MiB; what they share is counted once. */
export function memoryOf(services: readonly Service[]): number {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    const parent = /^PPid:\t(\d+)$/m.exec(readProc(`${name}/status`))?.[1];
    if (parent !== undefined) parents.set(Number(name), Number(parent));
  }
  const roots = new Set(services.map(({ pid }) => pid));
  const ours = (pid: number | undefined): boolean => pid !== undefined && (roots.has(pid) || ours(parents.get(pid)));
  const pss = [...parents.keys()].filter(ours).map((pid) => Number(/^Pss: +(\d+) kB$/m.exec(readProc(`${pid}/smaps_rollup`))?.[1] ?? 0));
  return Math.round(pss.reduce((sum, kib) => sum + kib, 0) / 1024);
}

/** A process may end while it is looked at. */
function readProc(path: string): string {
  try {
    return readFileSync(join("/proc", path), "utf8");
  } catch {
    return "";
  }
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
