import type { Comparison } from "./compare.ts";
import type { Destructive, InfraChanges, TablePlan, UpcomingPlan } from "./model.ts";
import { counted } from "./words.ts";

/** Everything of a plan that takes something away which merging again does not bring back. */
export function destructiveChanges({
  comparison,
  tables,
  upcoming,
  infra,
}: {
  readonly comparison: Comparison;
  readonly tables: readonly TablePlan[];
  readonly upcoming: readonly UpcomingPlan[];
  readonly infra: InfraChanges | null;
}): Destructive[] {
  const none = { dag: null, table: null, resource: null };
  const dags = upcoming.flatMap(({ dag, change, inFlight }): Destructive[] => {
    if (change !== "removed") return [];
    const running =
      inFlight !== null && inFlight > 0
        ? [
            {
              ...none,
              dag,
              what: "DAG removed while it runs",
              why: `${counted(inFlight, "run")} of it under way, on the release of before to the end; no new ones start`,
            },
          ]
        : [];
    const unknown =
      comparison.definition("base", dag) === undefined
        ? [{ ...none, dag, what: "DAG removed", why: "the deployed release does not say which tables it loads" }]
        : [];
    return [...running, ...unknown];
  });
  const resources = (infra?.destructive ?? []).map(({ resource, why }) => ({ ...none, resource, what: "cloud resource", why }));
  return [...dags, ...tables.flatMap(ofTable), ...resources];
}

function ofTable({ table, change, refusals, noLongerFilled, notes }: TablePlan): Destructive[] {
  const entry = (what: string, why: string): Destructive => ({ what, why, dag: null, table, resource: null });
  if (change === "removed") return notes.map((note) => entry("table no longer loaded", note));
  if (change === "unknown") return [];
  return [
    ...refusals.map((refusal) => entry("column narrowed or retyped", `${refusal}; the next load fails`)),
    ...noLongerFilled.map((column) => entry("column no longer filled", `column ${column} stays in the table, and is null in new rows`)),
    ...notes.map((note) => entry("rows are written another way", note)),
  ];
}
