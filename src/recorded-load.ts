/** What a load of a scrape's tests left in its table: a line of the file that they write, and what a plan compares. */
export interface RecordedLoad {
  readonly dag: string;
  readonly task: string;
  readonly table: string;
  /** How many rows the table had after the load. */
  readonly rows: number;
  readonly columns: readonly string[];
  /** The first rows in order, at most five, each value as PostgreSQL prints it. */
  readonly sample: readonly Readonly<Record<string, string | null>>[];
}
