import { diffArrays } from "diff";
import type { RecordedLoad } from "../recorded-load.ts";
import type { RecordedLoads, RowChange, RowsPlan } from "./model.ts";

/** What recorded loads brought before and after, load by load; a task that its tests run several times, in that order. */
export function rowChanges(before: RecordedLoads, after: RecordedLoads): RowsPlan[] {
  const [old, now] = [byTask(before), byTask(after)];
  return [...new Set([...old.keys(), ...now.keys()])].sort().flatMap((task) => {
    const [past, present] = [old.get(task) ?? [], now.get(task) ?? []];
    const times = Math.max(past.length, present.length);
    return Array.from({ length: times }, (_, index) => compareLoads(past[index], present[index], times > 1 ? index + 1 : null));
  });
}

function byTask({ loads }: RecordedLoads): Map<string, readonly RecordedLoad[]> {
  const found = new Map<string, RecordedLoad[]>();
  for (const load of loads) {
    const task = JSON.stringify([load.dag, load.task, load.table]);
    const others = found.get(task);
    if (others === undefined) found.set(task, [load]);
    else others.push(load);
  }
  return found;
}

function compareLoads(before: RecordedLoad | undefined, after: RecordedLoad | undefined, load: number | null): RowsPlan {
  const { dag = "", task = "", table = "" } = after ?? before ?? {};
  const [old, now] = [before?.columns ?? [], after?.columns ?? []];
  const columnsAdded = before === undefined ? [] : now.filter((column) => !old.includes(column));
  const columnsRemoved = after === undefined ? [] : old.filter((column) => !now.includes(column));
  const sample = sampleChanges(before, after);
  return {
    dag,
    task,
    table,
    load,
    before: before?.rows ?? null,
    after: after?.rows ?? null,
    columnsAdded,
    columnsRemoved,
    same: before?.rows === after?.rows && columnsAdded.length + columnsRemoved.length + sample.length === 0,
    sample,
  };
}

type SampleRow = RecordedLoad["sample"][number];

/** Rows that are the same stand where they are; between them, the first that is gone is compared with the first that is new. */
function sampleChanges(before: RecordedLoad | undefined, after: RecordedLoad | undefined): RowChange[] {
  const common = before === undefined || after === undefined ? [] : after.columns.filter((column) => before.columns.includes(column));
  const columns = [...new Set([...(after?.columns ?? []), ...(before?.columns ?? [])])];
  const print = (row: SampleRow): string => JSON.stringify((common.length > 0 ? common : columns).map((column) => row[column] ?? null));
  const [old, now] = [[...(before?.sample ?? [])], [...(after?.sample ?? [])]];
  const changes: RowChange[] = [];
  let [gone, fresh]: [SampleRow[], SampleRow[]] = [[], []];
  const settle = (): void => {
    for (let index = 0; index < Math.max(gone.length, fresh.length); index++) {
      const change = compareRows(gone[index], fresh[index], columns);
      if (change !== null) changes.push(change);
    }
    [gone, fresh] = [[], []];
  };
  for (const part of diffArrays(old.map(print), now.map(print))) {
    if (part.removed) gone.push(...old.splice(0, part.value.length));
    else if (part.added) fresh.push(...now.splice(0, part.value.length));
    else {
      settle();
      const kept = old.splice(0, part.value.length);
      kept.forEach((row) => {
        const change = compareRows(row, now.shift(), columns);
        if (change !== null) changes.push(change);
      });
    }
  }
  settle();
  return changes;
}

function compareRows(before: SampleRow | undefined, after: SampleRow | undefined, columns: readonly string[]): RowChange | null {
  const [name] = columns;
  const row = name === undefined ? null : { column: name, value: (after ?? before)?.[name] ?? null };
  const cells = columns.flatMap((column) => {
    const [old, now] = [before?.[column], after?.[column]];
    if (old === now) return [];
    return [{ column, ...(old === undefined ? {} : { before: old }), ...(now === undefined ? {} : { after: now }) }];
  });
  if (cells.length === 0) return null;
  return { row, change: before === undefined ? "added" : after === undefined ? "removed" : "changed", cells };
}
