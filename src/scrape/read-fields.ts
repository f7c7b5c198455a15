import { parseFieldType } from "./field-type.ts";
import type { Field } from "./model.ts";
import { type MapReader, readMap } from "./read-node.ts";
import type { Report } from "./report.ts";

/** Columns that every table has besides its fields. */
const reserved = new Set(["scraping_execution_date", "_load_id"]);

/** Columns that every PostgreSQL table has by itself: https://www.postgresql.org/docs/current/ddl-system-columns.html */
const systemColumns = new Set(["tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"]);

/** Reads a load's `fields`; reports names and types that a table cannot have. */
export function readFields(load: MapReader, report: Report): Field[] {
  const list = load.node("fields");
  const fields: Field[] = [];
  const seen = new Map<string, number>();
  for (const item of list?.kind === "list" ? list.items : []) {
    if (item.kind !== "map") continue;
    const reader = readMap(item, item.at);
    const name = reader.text("name");
    const type = reader.text("type");
    if (name !== undefined) checkName(name.value, name.at, seen, report);
    const parsed = type === undefined ? null : parseFieldType(type.value);
    if (parsed !== null && "message" in parsed) report.error(type?.at ?? item.at, "field-type", parsed.message, parsed.hint);
    if (name !== undefined && parsed !== null && "type" in parsed) {
      fields.push({ name: name.value, type: parsed.type, description: reader.text("description")?.value ?? null });
    }
  }
  return fields;
}

function checkName(name: string, at: number, seen: Map<string, number>, report: Report): void {
  const lower = name.toLowerCase();
  const first = seen.get(lower);
  if (first !== undefined) {
    report.error(
      at,
      "duplicate-field",
      `the field \`${name.slice(0, 80)}\` is written twice (first on line ${report.place(first).line})`,
      "Keep one; case does not tell columns apart.",
    );
    return;
  }
  seen.set(lower, at);
  if (reserved.has(lower)) {
    report.error(
      at,
      "reserved-field",
      `\`${name}\` is a column that every table gets by itself`,
      "Take it out, or rename it if it means something else.",
    );
  } else if (systemColumns.has(lower)) {
    report.error(at, "reserved-field", `\`${name}\` is a system column of PostgreSQL`, "Rename it.");
  } else if (!/^[a-z_][a-z0-9_]{0,62}$/.test(name)) {
    const better = lower
      .replace(/[^a-z0-9_]+/g, "_")
      .replace(/^(?=\d)/, "_")
      .slice(0, 63);
    report.error(
      at,
      "field-name",
      `${JSON.stringify(name.slice(0, 80))} is not a column's name`,
      `Lower-case letters, digits and underscores, at most 63: \`${better}\`.`,
    );
  }
}
