import { sha256 } from "../ids.ts";
import { codeChanges } from "./code-changes.ts";
import { type Comparison, compare } from "./compare.ts";
import type { ReleaseContents } from "./contents.ts";
import { planDag } from "./dag-plan.ts";
import { destructiveChanges } from "./destructive.ts";
import type { InfraChanges, Plan, RecordedLoads } from "./model.ts";
import type { PausedDags } from "./pause.ts";
import { rowChanges } from "./rows.ts";
import { seamRows } from "./seam-rows.ts";
import { type LiveTables, tableChanges } from "./tables.ts";
import { upcomingRuns } from "./upcoming.ts";

/** What a plan knows besides the two releases; undefined: not looked at. */
export interface Facts {
  readonly now: Date;
  readonly liveTables?: LiveTables | undefined;
  /** The schema that loads go to; `public` when not said. */
  readonly schema?: string | undefined;
  readonly rows?: { readonly before: RecordedLoads; readonly after: RecordedLoads } | undefined;
  /** Runs under way by DAG; a DAG that is not in it has none. */
  readonly inFlight?: Readonly<Record<string, number>> | undefined;
  /** The DAGs that are paused in Airflow; undefined: not known. */
  readonly paused?: PausedDags | undefined;
  readonly infra?: InfraChanges | undefined;
}

/** What deploying `next` where `base` is deployed would change. Pure: the same in, the same out. `base` null: nothing is deployed yet. */
export function makePlan(base: ReleaseContents | null, next: ReleaseContents, facts: Facts): Plan {
  const infra = facts.infra ?? null;
  const comparison = compare(base, next);
  const code = codeChanges(comparison);
  const dags = changedDags(comparison).map((dag) => planDag(dag, comparison, code));
  const tables = tableChanges(comparison, facts.liveTables, facts.schema ?? "public");
  const upcoming = upcomingRuns(dags, comparison, { now: facts.now, inFlight: facts.inFlight, paused: facts.paused });
  const files = otherFiles(comparison);
  const infraChanges = infra !== null && infra.changes.length + infra.widened.length + infra.destructive.length + infra.refused.length > 0;
  const nothing = base?.id === next.id && !infraChanges;
  return {
    id: sha256([base?.id ?? "none", next.id, infra?.digest ?? "none"].join("\n")),
    base: base === null ? null : { release: base.id, commit: base.commit },
    next: { release: next.id, commit: next.commit },
    nothing,
    documentationOnly:
      !nothing && !infraChanges && files.length + tables.length + code.length === 0 && dags.every((dag) => dag.documentationOnly),
    total: comparison.dags.next.length,
    dags,
    tables,
    rows: facts.rows === undefined ? [] : rowChanges(facts.rows.before, facts.rows.after),
    upcoming,
    code,
    files,
    destructive: [...seamRows(upcoming, comparison, facts.now), ...destructiveChanges({ comparison, tables, upcoming, infra })],
    infra,
  };
}

function changedDags({ base, next, dags, same, definition }: Comparison): string[] {
  if (base?.id === next.id) return [];
  return [...new Set([...dags.base, ...dags.next])].sort().filter((dag) => {
    const now = definition("next", dag);
    const paths = [`dags/${dag}.py`, `specs/${dag}.json`, `definitions/${dag}.json`, now?.functions, now?.config];
    return !paths.every((path) => path == null || same(path));
  });
}

/** Files that differ and are no DAG's own. */
function otherFiles({ base, next, same, dags, definition }: Comparison): Plan["files"] {
  const paths = [...new Set([...(base?.manifest.files ?? []), ...next.manifest.files].map((file) => file.path))].sort();
  const differing = base === null ? [] : paths.filter((path) => !same(path));
  const named = new Set(
    (["base", "next"] as const).flatMap((side) => dags[side].map((dag) => definition(side, dag)?.config).filter((path) => path != null)),
  );
  const groups = [
    { what: "the program that runs tasks", paths: differing.filter((path) => path === "run-task.mjs" || path.startsWith("runner/")) },
    { what: "configuration that no DAG names", paths: differing.filter((path) => path.startsWith("configs/") && !named.has(path)) },
  ];
  const host = base !== null && base.manifest.host_package !== next.manifest.host_package;
  return [...groups.filter((group) => group.paths.length > 0), ...(host ? [{ what: "the version of the host's package", paths: [] }] : [])];
}
