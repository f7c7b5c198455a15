import { DuckDBArrayType, DuckDBListType, DuckDBMapType, DuckDBStructType, type DuckDBType, DuckDBTypeId } from "@duckdb/node-api";
import { duckdbText } from "../tables/csv-dialect.ts";
import { digestOf, type TableDescription } from "../tables/describe.ts";
import { duckdbReason, openDuckdb } from "./duckdb-session.ts";
import { columnSql, isNested, type ParquetColumn, parquetColumns, parquetTable } from "./parquet-columns.ts";

/** Counts the rows by the file's own metadata, and on demand digests their exact values. A file that DuckDB can't read has a problem; nothing is thrown for it. */
export async function describeParquet(path: string, withDigest: boolean, temporary: string): Promise<TableDescription> {
  const { connection, close } = await openDuckdb(temporary);
  let rows: number | null = null;
  try {
    const metadata = await connection.runAndReadAll(`SELECT num_rows AS rows FROM parquet_file_metadata(${duckdbText(path)})`);
    rows = Number(metadata.getRowObjectsJson()[0]?.rows);
    if (!withDigest) return { rows, digest: null, problem: null };
    const columns = await parquetColumns(connection, path);
    const sums = await connection.runAndReadAll(
      `SELECT sum(md5_number_lower(row))::VARCHAR AS low, sum(md5_number_upper(row))::VARCHAR AS high
         FROM (SELECT concat_ws(',', ${columns.map(valueSql).join(", ")}) AS row FROM ${parquetTable(path)})`,
    );
    const { low, high } = sums.getRowObjectsJson()[0] ?? {};
    const schema = JSON.stringify(["parquet", ...columns.map(({ name, type }) => [name, String(type)])]);
    return { rows, digest: digestOf(schema, rows, `${low} ${high}`), problem: null };
  } catch (error) {
    return { rows, digest: null, problem: duckdbReason(error) };
  } finally {
    close();
  }
}

/** A value as text in which no two values look the same; empty for null. What may be long, or hold a comma, is replaced by its digest. */
function valueSql({ name, type }: ParquetColumn): string {
  const column = columnSql(name);
  const text = isNested(type) ? `to_json(CAST(${column} AS ${shapeOf(type)}))::VARCHAR` : column;
  if (isNested(type) || digested.has(type.typeId)) return `coalesce(md5(${text}), '')`;
  return `coalesce(${column}::VARCHAR, '')`;
}

const digested = new Set([DuckDBTypeId.VARCHAR, DuckDBTypeId.BLOB]);

/** The same nested type with texts for values: JSON has one kind of number only, and no bytes. */
function shapeOf(type: DuckDBType): string {
  if (type instanceof DuckDBListType) return `${shapeOf(type.valueType)}[]`;
  if (type instanceof DuckDBArrayType) return `${shapeOf(type.valueType)}[${type.length}]`;
  if (type instanceof DuckDBMapType) return `MAP(${shapeOf(type.keyType)}, ${shapeOf(type.valueType)})`;
  if (!(type instanceof DuckDBStructType)) return "VARCHAR";
  const entries = type.entryNames.map((name, index) => `${columnSql(name)} ${shapeOf(type.entryTypes[index] as DuckDBType)}`);
  return `STRUCT(${entries.join(", ")})`;
}
