/** What config/config.json holds; `config` in the functions has this form. */
export interface Config {
  /** For each column of the table where its value stands in the JSON. */
  readonly columns: Readonly<Record<string, string>>;
}

/** The query that reads a JSON list of objects. Small pure functions such as this one are tested in unit.test.ts. */
export function measurementQuery(file: string, { columns }: Config): string {
  const values = Object.entries(columns).map(([name, path]) => `json ->> ${literal(`$.${path}`)} AS "${name.replaceAll('"', '""')}"`);
  return `SELECT ${values.join(", ")} FROM read_json_objects(${literal(file)}, format = 'array')`;
}

/** A text as an SQL literal. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
