/** What a statement is to the double, and how PostgreSQL gets it. */
export type Statement =
  | { readonly kind: "begin"; readonly sql: string }
  | { readonly kind: "pass"; readonly sql: string }
  | { readonly kind: "write"; readonly sql: string; readonly table: string }
  | { readonly kind: "copy"; readonly sql: string }
  | { readonly kind: "commits"; readonly sql: string; readonly word: "TRUNCATE" | "VACUUM" }
  | { readonly kind: "refused"; readonly code: string; readonly message: string };

const name = String.raw`((?:"[^"]+"|[\w$]+)(?:\s*\.\s*(?:"[^"]+"|[\w$]+))?)`;
const write = new RegExp(String.raw`^(?:insert\s+into|delete\s+from|delete|update)\s+${name}`, "i");

/** "Unsupported PostgreSQL features", "Unsupported PostgreSQL data types". */
const unsupported: readonly (readonly [RegExp, string])[] = [
  [/\bon\s+conflict\b/i, 'syntax error at or near "ON"'],
  [/\breturning\b/i, 'syntax error at or near "RETURNING"'],
  [/\blateral\b/i, 'syntax error at or near "LATERAL"'],
  [/\bfrom\s*\(\s*values\b/i, "VALUES lists are not supported in FROM"],
  [/^create\s+(unique\s+)?index\b/i, "SQL command CREATE INDEX not supported on Redshift tables."],
  [/^create\s+sequence\b/i, "SQL command CREATE SEQUENCE not supported"],
  [/^create\s+type\b/i, "SQL command CREATE TYPE not supported"],
  [/^create\s+table\s+if\s+not\s+exists\s+\S+\s+as\b/i, 'syntax error at or near "AS"'],
  [/^(create|alter)\s+[\s\S]*\bcheck\s*\(/i, "CHECK constraints are not supported"],
  [/^(create|alter)\s+[\s\S]*\bpartition\s+by\b/i, 'syntax error at or near "PARTITION"'],
  [/^(create|alter)\s+[\s\S]*\b(small|big)?serial\b/i, 'Column type "serial" is not supported'],
  [/^(create|alter)\s+[\s\S]*\b(uuid|jsonb?|bytea|interval|xml|inet)\b(?!\s*\()/i, "Column has a type that is not supported"],
  [/^(create|alter)\s+[\s\S]*\w\s*\[\s*\]/i, "Column has a type that is not supported: arrays"],
  [/^alter\s+table\b[\s\S]*,\s*add\s+/i, 'syntax error at or near ","'],
];

/** Reads one statement. One that the double does not know is refused: PostgreSQL would take more than Redshift does. */
export function readStatement(text: string): Statement {
  const sql = text.trim().replace(/;\s*$/, "");
  const bare = blankLiterals(sql);
  if (bare.includes(";")) return refuse("0A000", "the double takes one statement at a time");
  const found = unsupported.find(([pattern]) => pattern.test(bare));
  if (found !== undefined) return refuse("0A000", found[1]);
  if (/^(begin|start\s+transaction)(\s+(work|transaction))?$/i.test(bare)) return { kind: "begin", sql };
  if (/^copy\b/i.test(bare)) return { kind: "copy", sql };
  const commits = /^(truncate|vacuum)\b/i.exec(bare)?.[1];
  if (commits !== undefined) return { kind: "commits", sql, word: commits.toUpperCase() as "TRUNCATE" | "VACUUM" };
  const table = write.exec(sql)?.[1];
  if (table !== undefined) return { kind: "write", sql: sql.replace(/^delete\s+(?!from\b)/i, "DELETE FROM "), table };
  if (/^create\s+(temp\s+|temporary\s+|local\s+temp\s+)?table\b/i.test(bare)) return { kind: "pass", sql: withoutStorage(sql) };
  if (/^create\s+(or\s+replace\s+)?view\b/i.test(bare))
    return { kind: "pass", sql: sql.replace(/\s+with\s+no\s+schema\s+binding\s*$/i, "") };
  const known =
    /^(select|with|commit|end|rollback|abort|lock|set|show|reset|drop\s+(table|view|schema)|alter\s+table|create\s+schema|analyze|grant)\b/i;
  if (bare === "" || known.test(bare)) return { kind: "pass", sql };
  return refuse("0A000", `the double does not know this statement: ${sql.slice(0, 60)}`);
}

/** "CREATE TABLE": how rows are stored and spread changes no answer. */
function withoutStorage(sql: string): string {
  return sql
    .replace(/\bdiststyle\s+(auto|even|key|all)\b/gi, "")
    .replace(/\b(compound\s+|interleaved\s+)?sortkey\s*(auto|\([^)]*\))?/gi, "")
    .replace(/\bdistkey\s*(\([^)]*\))?/gi, "")
    .replace(/\bencode\s+\w+/gi, "");
}

function blankLiterals(sql: string): string {
  return sql.replace(/'(?:[^']|'')*'|"(?:[^"]|"")*"/g, (literal) => literal[0] + "x".repeat(literal.length - 2) + literal[0]);
}

function refuse(code: string, message: string): Statement {
  return { kind: "refused", code, message };
}
