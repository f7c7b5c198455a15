import { UserError } from "dagline";

export interface Config {
  /** For each column of the table what the published file may call it. */
  readonly columns: Readonly<Record<string, readonly string[]>>;
}

/** The query that renames the published columns to the table's; throws when one of them is not there. */
export function zoneQuery(published: readonly string[], config: Config): string {
  const columns = Object.entries(config.columns).map(([name, spellings]) => {
    const found = published.find((column) => spellings.includes(column));
    if (found === undefined) {
      throw new UserError(`the file has no column ${spellings.join(" or ")}. Its columns: ${published.join(", ")}`, {
        hint: "Was it renamed? Add the new name in scrapes/taxi_zones/config/config.json.",
      });
    }
    return `${identifier(found)} AS ${identifier(name)}`;
  });
  return `SELECT ${columns.join(", ")} FROM published`;
}

export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
