import { readFile } from "node:fs/promises";
import { join } from "node:path";

interface Zone {
  readonly location_id: number;
  readonly borough: string;
  readonly zone: string;
  readonly service_zone: string;
}

/** The zones of the project's own configuration in the form in which the TLC publishes them. */
export async function zoneLookupCsv(root: string): Promise<string> {
  const file = join(root, "scrapes", "new_york_taxi", "config", "config.json");
  const { zones } = JSON.parse(await readFile(file, "utf8")) as { zones: Zone[] };
  const lines = zones.map(({ location_id, borough, zone, service_zone }) =>
    [location_id, ...[borough, zone, service_zone].map(quoted)].join(","),
  );
  return `"LocationID","Borough","Zone","service_zone"\n${lines.join("\n")}\n`;
}

function quoted(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}
