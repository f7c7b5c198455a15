import { readFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../errors.ts";
import { type DagId, parseReleaseId } from "../ids.ts";
import { isTimeZone } from "../time/zone-name.ts";
import { releaseDir } from "./folder.ts";

/** What `specs/DAG_ID.json` says of a whole DAG. */
export interface ReleasedSpec {
  readonly timezone: string;
  readonly each_month: { readonly from: string; readonly to: string } | null;
}

/** Reads it from the very release that Airflow serves the DAG of. Throws a UserError when that is not a release of this host. */
export function readReleasedSpec(home: string, release: string | null, dag: DagId): ReleasedSpec {
  const unknown = (why: string, cause?: unknown): UserError =>
    new UserError(`the time zone of ${dag} is not known: ${why}`, { hint: "Deploy the DAG anew, or run `dagline reload`.", cause });
  if (release === null || !/^[0-9a-f]{64}$/.test(release)) throw unknown("Airflow does not serve it from a release");
  let spec: Partial<ReleasedSpec>;
  try {
    spec = JSON.parse(readFileSync(join(releaseDir(home, parseReleaseId(release)), "specs", `${dag}.json`), "utf8"));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") {
      throw unknown(`release ${release.slice(0, 12)} on this host has no spec of it`, error);
    }
    throw error;
  }
  const { timezone, each_month = null } = spec;
  if (timezone === undefined || !isTimeZone(timezone)) throw unknown(`its spec in release ${release.slice(0, 12)} names none`);
  return { timezone, each_month };
}
