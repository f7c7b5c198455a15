import { type DuckDBConnection, type DuckDBType, DuckDBTypeId } from "@duckdb/node-api";
import { duckdbText } from "../tables/csv-dialect.ts";

export interface ParquetColumn {
  readonly name: string;
  readonly type: DuckDBType;
}

/** What stands behind FROM to read a parquet file: no column comes from the path, none is taken for another type. */
export function parquetTable(path: string): string {
  return `read_parquet(${duckdbText(path)}, hive_partitioning = false, binary_as_string = false)`;
}

export async function parquetColumns(connection: DuckDBConnection, path: string): Promise<ParquetColumn[]> {
  const reader = await connection.runAndReadAll(`SELECT * FROM ${parquetTable(path)} LIMIT 0`);
  const types = reader.columnTypes();
  return reader.columnNames().map((name, index) => ({ name, type: types[index] as DuckDBType }));
}

export function columnSql(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function isNested(type: DuckDBType): boolean {
  return nested.has(type.typeId);
}

const nested = new Set([DuckDBTypeId.LIST, DuckDBTypeId.STRUCT, DuckDBTypeId.MAP, DuckDBTypeId.ARRAY]);
