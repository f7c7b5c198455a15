import pg from "pg";

export interface TableSummary {
  readonly name: string;
  readonly rows: number;
  /** The sum of each numeric column of the data (not of our own `_load_id` …); null where there is no value. */
  readonly sums: Readonly<Record<string, number | null>>;
}

const NUMERIC_TYPES = ["smallint", "integer", "bigint", "numeric", "real", "double precision"];

/** Counts and sums every table of the data in schema public, by name. */
export async function summariseTables(client: pg.Client): Promise<TableSummary[]> {
  const columns = await client.query<{ table_name: string; column_name: string; data_type: string }>(
    `SELECT table_name, column_name, data_type FROM information_schema.columns
     WHERE table_schema = 'public' ORDER BY table_name, ordinal_position`,
  );
  const byTable = Map.groupBy(columns.rows, (column) => column.table_name);
  const summaries: TableSummary[] = [];
  for (const [name, tableColumns] of byTable) {
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
