import { readFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { releaseDir } from "../src/host/folder.ts";
import { readActive } from "../src/host/standing.ts";
import type { StackAddress } from "./stack-address.ts";
import type { Sample } from "./summary.ts";

export interface TableSummary {
  readonly name: string;
  readonly rows: number;
  /** The sum of each numeric column of the data (not of our own `_load_id` …); null where there is no value. */
  readonly sums: Readonly<Record<string, number | null>>;
}

const NUMERIC_TYPES = ["smallint", "integer", "bigint", "numeric", "real", "double precision"];

/** Counts and sums every table of the data in schema public, by name, or only those in `names`. */
export async function summariseTables(client: pg.Client, names?: ReadonlySet<string>): Promise<TableSummary[]> {
  const columns = await client.query<{ table_name: string; column_name: string; data_type: string }>(
    `SELECT table_name, column_name, data_type FROM information_schema.columns
     WHERE table_schema = 'public' ORDER BY table_name, ordinal_position`,
  );
  const byTable = Map.groupBy(columns.rows, (column) => column.table_name);
  const summaries: TableSummary[] = [];
  for (const [name, tableColumns] of byTable) {
    if (names !== undefined && !names.has(name)) continue;
    const numeric = tableColumns.filter((column) => NUMERIC_TYPES.includes(column.data_type)).map((column) => column.column_name);
    const sums = numeric.map((column, index) => `sum(${pg.escapeIdentifier(column)})::text AS sum_${index}`);
    const { rows } = await client.query<Record<string, string | null>>(
      `SELECT count(*)::text AS count${sums.map((sum) => `, ${sum}`).join("")} FROM ${pg.escapeIdentifier(name)}`,
    );
    const row = rows[0] ?? {};
    const sumOf = (index: number): number | null => (row[`sum_${index}`] == null ? null : Number(row[`sum_${index}`]));
    summaries.push({ name, rows: Number(row.count), sums: Object.fromEntries(numeric.map((column, index) => [column, sumOf(index)])) });
  }
  return summaries;
}

export interface LoadedTable extends TableSummary {
  readonly sample: Sample;
}

/** The tables that a DAG of the active release loads and that are there, each with its first rows. */
export async function loadedTables({ home, postgres }: StackAddress, dag: string): Promise<LoadedTable[]> {
  const active = readActive(home);
  if (active === undefined) return [];
  const spec = readFileSync(join(releaseDir(home, active.release), "specs", `${dag}.json`), "utf8");
  const tasks = Object.values((JSON.parse(spec) as { tasks: Readonly<Record<string, { table?: string }>> }).tasks);
  const names = new Set(tasks.flatMap(({ table }) => (table === undefined ? [] : [table])));
  const { socketDir: host, port, database } = postgres;
  const client = new pg.Client({ host, port, database, user: "dagline_loader" });
  await client.connect();
  try {
    const found: LoadedTable[] = [];
    for (const table of await summariseTables(client, names)) {
      found.push({ ...table, sample: { table: table.name, ...(await firstRows(client, table.name, 5)) } });
    }
    return found;
  } finally {
    await client.end();
  }
}

/** The first `count` rows of a table, each value as PostgreSQL prints it; null stays null. */
export async function firstRows(
  client: pg.Client,
  table: string,
  count: number,
): Promise<{ columns: string[]; rows: (string | null)[][] }> {
  const { fields, rows } = await client.query<(string | null)[]>({
    text: `SELECT * FROM ${pg.escapeIdentifier(table)} LIMIT ${Math.trunc(count)}`,
    rowMode: "array",
    types: { getTypeParser: () => (value: string) => value },
  });
  return { columns: fields.map((field) => field.name), rows };
}
