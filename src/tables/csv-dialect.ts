/**
 * The one CSV dialect of staged files: what PostgreSQL's `COPY … (FORMAT csv)` reads after a header line (PostgreSQL docs, COPY, "CSV Format").
 * A comma between values, `"` around a value and doubled within it, LF, CRLF or CR between rows, UTF-8 with or without a byte order mark,
 * no comment lines, no lines that are skipped. An empty value is null, a quoted empty one (`""`) is the empty text.
 */
const csvDialect = { delimiter: ",", quote: '"' } as const;

/**
 * What stands behind FROM in a DuckDB query that reads a CSV file as a load does: every value is text, nothing is guessed.
 * The query fails for a file that is no CSV of this dialect, and for a row of more than 2 MB; an empty line of several columns is no row.
 */
export function csvTable(path: string): string {
  return `read_csv(${duckdbText(path)}, ${Object.entries(options)
    .map(([name, value]) => `${name} = ${value}`)
    .join(", ")})`;
}

/** DuckDB guesses every option that is not given (DuckDB docs, "CSV Auto Detection"), from the first rows alone. */
const options: Readonly<Record<string, string>> = {
  header: "true",
  all_varchar: "true",
  delim: duckdbText(csvDialect.delimiter),
  quote: duckdbText(csvDialect.quote),
  escape: duckdbText(csvDialect.quote),
  comment: "''",
  skip: "0",
  nullstr: "''",
  allow_quoted_nulls: "false",
  null_padding: "false",
  ignore_errors: "false",
  store_rejects: "false",
  strict_mode: "true",
  normalize_names: "false",
  compression: "'none'",
  encoding: "'utf-8'",
};

/** A text constant of DuckDB, in which only the quote is special. */
export function duckdbText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
