import { TransientError, UserError } from "../errors.ts";
import type { LoadDatabase } from "./database.ts";
import { executionDateColumn, keyIndexName, loadIdColumn } from "./ddl.ts";
import type { LoadRequest } from "./request.ts";
import { identifier, literal } from "./sql.ts";
import type { Stage } from "./stage.ts";
import type { Target } from "./target.ts";

interface Merge {
  readonly database: LoadDatabase;
  readonly request: LoadRequest;
  readonly target: Target;
  readonly key: readonly string[];
  readonly stage: Stage;
}

/**
 * Merges the staged rows by their key. `written` counts the rows that were inserted or changed; the others are left alone.
 * Without `overwrite`, rows whose key is there already are left as they are; `left` is how many of those differ.
 * Refuses keys that are null or come twice.
 */
export async function mergeRows(
  merge: Merge,
  { overwrite }: { readonly overwrite: boolean },
): Promise<{ written: number; left: number } | { refuse: UserError }> {
  // With the default of 4 MB the keys and rows of a large load go through temporary files.
  await merge.database.query("SET LOCAL work_mem = '64MB'");
  const refuse = (await nullKeys(merge)) ?? (await duplicateKeys(merge));
  if (refuse !== null) return { refuse };
  const { database, request, target, key, stage } = merge;
  const columns = request.fields.map((field, index) => ({
    name: identifier(field.name),
    staged: `staged.${stage.columns[index]}`,
    isKey: key.includes(field.name),
    isText: field.type.name === "TEXT" || field.type.name === "VARCHAR",
    isLoose: stage.loose.has(field.name),
  }));
  // A collation that takes `A` for `a` finds the row; whether the row differs is a question of its bytes.
  const compared = columns.filter(({ isKey, isLoose }) => !isKey || isLoose);
  const exactly = (column: { isText: boolean }, value: string): string => (column.isText ? `${value} COLLATE "C"` : value);
  const rowOf = (value: (column: (typeof columns)[number]) => string): string =>
    `ROW (${compared.map((column) => exactly(column, value(column))).join(", ")})`;
  const differs = `${rowOf(({ name }) => `target.${name}`)} IS DISTINCT FROM ${rowOf(({ staged }) => staged)}`;
  const isSame = columns.filter(({ isKey }) => isKey).map(({ name, staged }) => `target.${name} = ${staged}`);
  const left =
    overwrite || compared.length === 0
      ? 0
      : await count(database, `${stage.sql} staged JOIN ${target.sql} target ON ${isSame.join(" AND ")} WHERE ${differs}`);
  const set = [
    ...compared.map(({ name, staged }) => `${name} = ${staged}`),
    ...[executionDateColumn, loadIdColumn].map((name) => `${identifier(name)} = DEFAULT`),
  ];
  const update = overwrite && compared.length > 0 ? `WHEN MATCHED AND ${differs} THEN UPDATE SET ${set.join(", ")}` : "";
  const longest = await longestKey(merge);
  const { rowCount } = await explained(merge, longest, () =>
    database.query(
      `MERGE INTO ${target.sql} target USING ${stage.sql} staged ON ${isSame.join(" AND ")} ${update}
     WHEN NOT MATCHED THEN INSERT (${columns.map(({ name }) => name).join(", ")}) OVERRIDING SYSTEM VALUE VALUES (${columns.map(({ staged }) => staged).join(", ")})`,
    ),
  );
  return { written: rowCount, left };
}

/** How long a key can be for PostgreSQL's index depends on how well it compresses: only the index itself tells. */
async function longestKey({ database, request, key, stage }: Merge): Promise<{ name: string; bytes: number; start: string } | null> {
  const texts = key.filter((name) => request.fields.some((field) => field.name === name && ["TEXT", "VARCHAR"].includes(field.type.name)));
  const asked = texts.map((name) => {
    const column = stage.columns[request.fields.findIndex((field) => field.name === name)];
    return `SELECT ${literal(name)} AS name, octet_length(${column}) AS bytes, left(${column}, 60) AS start FROM ${stage.sql} WHERE octet_length(${column}) > ${LONG_KEY}`;
  });
  if (asked.length === 0) return null;
  const { rows } = await database.query<{ name: string; bytes: number; start: string }>(
    `${asked.join(" UNION ALL ")} ORDER BY bytes DESC LIMIT 1`,
  );
  return rows[0] ?? null;
}

/** What a btree takes of a key (manual, "B-Tree Indexes"), and below it what is not worth a look. */
const LONGEST_KEY = 2704;
const LONG_KEY = 600;

async function explained<T>({ request, key }: Merge, longest: Awaited<ReturnType<typeof longestKey>>, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const cause = error instanceof UserError ? (error.cause as { code?: unknown; constraint?: unknown } | undefined) : undefined;
    if (cause?.code === "23505" && cause.constraint === keyIndexName(request.table)) {
      throw new TransientError(`another session has just inserted a row with the same ${key.join(", ")} into table \`${request.table}\``, {
        hint: "Nothing was loaded; trying again helps.",
        cause: error,
      });
    }
    if (cause?.code !== "54000" || longest === null) throw error;
    throw new UserError(
      `a value of \`${longest.name}\`, which is in the key of table \`${request.table}\`, has ${longest.bytes} bytes, and PostgreSQL's index takes ${LONGEST_KEY}: ${JSON.stringify(longest.start)}…`,
      { hint: "Nothing was loaded. Choose a shorter key, for example a digest of the value that the transform computes.", cause: error },
    );
  }
}

async function count(database: LoadDatabase, from: string): Promise<number> {
  const { rows } = await database.query<{ count: string }>(`SELECT count(*) AS count FROM ${from}`);
  return Number(rows[0]?.count);
}

async function nullKeys({ database, request, key, stage }: Merge): Promise<UserError | null> {
  const columns = key.map((name) => stage.columns[request.fields.findIndex((field) => field.name === name)]);
  const { rows } = await database.query<{ counts: string[] }>(
    `SELECT ARRAY[${columns.map((column) => `count(*) FILTER (WHERE ${column} IS NULL)`).join(", ")}] AS counts FROM ${stage.sql}`,
  );
  const counts = (rows[0]?.counts ?? []).map(Number);
  const at = counts.findIndex((found) => found > 0);
  if (at === -1) return null;
  return new UserError(
    `${counts[at]} ${counts[at] === 1 ? "row has" : "rows have"} no \`${key[at]}\`, which is in the key of table \`${request.table}\``,
    {
      hint: "Nothing was loaded. Leave such rows out in the transform, or choose another key.",
    },
  );
}

async function duplicateKeys({ database, request, key, stage }: Merge): Promise<UserError | null> {
  const columns = key.map((name) => stage.columns[request.fields.findIndex((field) => field.name === name)]).join(", ");
  const { rows } = await database.query<{ value: string; times: string }>(
    `SELECT left(min(ROW (${columns})::text), 200) AS value, count(*) AS times FROM ${stage.sql} GROUP BY ${columns} HAVING count(*) > 1 ORDER BY ${columns} LIMIT 5`,
  );
  if (rows.length === 0) return null;
  const examples = rows.map(({ value, times }) => `  ${value}: ${times} rows`);
  return new UserError(`rows for table \`${request.table}\` have the same key (${key.join(", ")}):\n${examples.join("\n")}`, {
    hint: "Nothing was loaded. Keep one row for each key in the transform.",
  });
}
