import {
  DuckDBArrayType,
  type DuckDBConnection,
  DuckDBListType,
  DuckDBMapType,
  DuckDBStructType,
  type DuckDBType,
  DuckDBTypeId,
} from "@duckdb/node-api";
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

/** The types that a nested one is made of; of any other type itself. */
export function leavesOf(type: DuckDBType): DuckDBType[] {
  if (type instanceof DuckDBListType || type instanceof DuckDBArrayType) return leavesOf(type.valueType);
  if (type instanceof DuckDBMapType) return [...leavesOf(type.keyType), ...leavesOf(type.valueType)];
  return type instanceof DuckDBStructType ? type.entryTypes.flatMap(leavesOf) : [type];
}

export function isNested(type: DuckDBType): boolean {
  return nested.has(type.typeId);
}

const nested = new Set([DuckDBTypeId.LIST, DuckDBTypeId.STRUCT, DuckDBTypeId.MAP, DuckDBTypeId.ARRAY]);
