import type { Definition } from "../release/definition.ts";
import type { Comparison } from "./compare.ts";
import { configChanges } from "./config-changes.ts";
import { definitionChanges } from "./dag-changes.ts";
import { graphOf } from "./graph.ts";
import type { Change, ChangeKind, CodePlan, DagPlan } from "./model.ts";
import { pythonDiff, withoutSourceLines } from "./python-diff.ts";

/** What changes in one DAG that is not the same in both releases. */
export function planDag(dag: string, comparison: Comparison, code: readonly CodePlan[]): DagPlan {
  const [old, now] = [comparison.dags.base.includes(dag), comparison.dags.next.includes(dag)];
  const [before, after] = [comparison.definition("base", dag), comparison.definition("next", dag)];
  const contents = now ? comparison.next : comparison.base;
  const source = contents?.manifest.dags[dag]?.source ?? "";
  const change = !old ? "added" : !now ? "removed" : "changed";
  const changes = change === "changed" ? changesOf(dag, before, after, comparison, code) : [];
  const texts = [comparison.text("base", `dags/${dag}.py`), comparison.text("next", `dags/${dag}.py`)];
  const known = texts.every((text, index) => text !== undefined || (index === 0 ? !old : !now));
  const changed = new Set(changes.flatMap((one) => (one.task === null ? [] : [one.task])));
  return {
    dag,
    source,
    change,
    documentationOnly: changes.length > 0 && changes.every(({ what }) => what === "documentation" || what === "source lines"),
    changes,
    graph: after === undefined ? null : graphOf(before, after, changed),
    python: known ? pythonDiff(texts[0] ?? "", texts[1] ?? "") : null,
  };
}

function changesOf(
  dag: string,
  before: Definition | undefined,
  after: Definition | undefined,
  comparison: Comparison,
  code: readonly CodePlan[],
): Change[] {
  if (before === undefined || after === undefined) return [bare("details unknown")];
  const changes = definitionChanges(before, after);
  if (after.config !== null && before.config === after.config && !comparison.same(after.config)) {
    changes.push(...configChanges(after.config, comparison.text("base", after.config), comparison.text("next", after.config)));
  }
  if (after.functions !== null && code.some(({ bundle, change }) => bundle === after.functions && change === "changed")) {
    changes.push({ ...bare("code"), name: after.functions });
  }
  if (before.readme !== after.readme) changes.push(bare("documentation"));
  return changes.length > 0 ? changes : [bare(onlyLinesMoved(dag, comparison) ? "source lines" : "rendering")];
}

/** Whether the rendered DAGs differ in nothing but which YAML line each statement comes from. */
function onlyLinesMoved(dag: string, { text, same }: Comparison): boolean {
  const [before, after] = [text("base", `dags/${dag}.py`), text("next", `dags/${dag}.py`)];
  if (before === undefined || after === undefined || !same(`specs/${dag}.json`)) return false;
  return withoutSourceLines(before) === withoutSourceLines(after);
}

function bare(what: ChangeKind): Change {
  return { task: null, what, name: null, from: null, to: null };
}
