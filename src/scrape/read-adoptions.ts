import type { Adoption } from "./model.ts";
import { type MapReader, readMap } from "./read-node.ts";
import type { Report } from "./report.ts";

/** A load's `adopts`: `dag` and `task` default to the load's own. */
export function readAdoptions(dag: string, task: string, reader: MapReader, report: Report): Adoption[] {
  const list = reader.node("adopts");
  if (list?.kind !== "list") return [];
  return list.items.flatMap((item): Adoption[] => {
    if (item.kind !== "map") return [];
    const entry = readMap(item, item.at);
    const slice = entry.text("slice");
    if (slice === undefined) return [{ dag: entry.text("dag")?.value ?? dag, task: entry.text("task")?.value ?? task }];
    if (entry.has("dag") || entry.has("task")) {
      report.error(slice.at, "adopts", "`slice` stands beside `dag` or `task`", "A slice has no task: write an entry of its own for each.");
    }
    return [{ slice: slice.value }];
  });
}
