import { UserError } from "dagline";

/** A column of a published file: its name, and its type as DuckDB says it. */
export interface Column {
  readonly name: string;
  readonly type: string;
}

export interface Config {
  readonly zones: readonly Zone[];
  /** The words that the files of the first years have where later ones have numbers. */
  readonly vendors: Readonly<Record<string, number>>;
  readonly payment_types: Readonly<Record<string, number>>;
}

export interface Zone {
  readonly location_id: number;
  readonly borough: string;
  readonly zone: string;
  readonly service_zone: string;
}

export interface TripQuery {
  /** Reads the table `trips` and joins the table `zones` twice; one row out for each row in. */
  readonly sql: string;
  /** Columns that the file has and the table does not. */
  readonly ignored: readonly string[];
}

/**
 * The query that turns one month's file, of whatever year, into the columns of the table new_york_taxi.
 * Throws when the file lacks a column that every file of its kind has.
 */
export function tripQuery(columns: readonly Column[], taxiType: string, config: Config): TripQuery {
  const byName = new Map(columns.map((column) => [column.name.toLowerCase(), column]));
  const find = (names: readonly string[]): Column | undefined =>
    names.map((name) => byName.get(name)).find((column) => column !== undefined);
  const expressionFor = (target: Target): string => {
    const column = find(target.from);
    if (column !== undefined) return convert(target.kind, column, config);
    const mayLack = target.since !== undefined || find(target.insteadOf ?? []) !== undefined;
    if (!mayLack) throw missing(target, columns);
    return "NULL";
  };
  const values = targets.map((target) => `${expressionFor(target)} AS ${target.name}`);
  const known = new Set(targets.flatMap((target) => target.from));
  return {
    sql: `SELECT ${tableColumns.join(", ")}
      FROM (SELECT ${literal(taxiType)} AS taxi_type, ${values.join(", ")} FROM trips) AS trip
      LEFT JOIN zones AS pickup ON pickup.location_id = trip.pickup_location_id
      LEFT JOIN zones AS dropoff ON dropoff.location_id = trip.dropoff_location_id`,
    ignored: columns.filter((column) => !known.has(column.name.toLowerCase())).map((column) => column.name),
  };
}

/** A text as an SQL literal. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

type Kind = "timestamp" | "integer" | "hundredths" | "flag" | "vendor" | "payment";

interface Target {
  readonly name: string;
  readonly kind: Kind;
  /** What the files of the various years call it, in lower case. */
  readonly from: readonly string[];
  /** The year from which on it is published, or the one kind of taxi: other files may lack it. */
  readonly since?: string;
  /** A file with one of these columns may lack it. */
  readonly insteadOf?: readonly string[];
}

const targets: readonly Target[] = [
  { name: "vendor_id", kind: "vendor", from: ["vendorid", "vendor_id", "vendor_name"] },
  {
    name: "pickup_datetime",
    kind: "timestamp",
    from: ["tpep_pickup_datetime", "lpep_pickup_datetime", "pickup_datetime", "trip_pickup_datetime"],
  },
  {
    name: "dropoff_datetime",
    kind: "timestamp",
    from: ["tpep_dropoff_datetime", "lpep_dropoff_datetime", "dropoff_datetime", "trip_dropoff_datetime"],
  },
  { name: "store_and_fwd_flag", kind: "flag", from: ["store_and_fwd_flag", "store_and_forward"] },
  { name: "rate_code_id", kind: "integer", from: ["ratecodeid", "rate_code"] },
  { name: "passenger_count", kind: "integer", from: ["passenger_count"] },
  { name: "trip_distance", kind: "hundredths", from: ["trip_distance"] },
  { name: "pickup_location_id", kind: "integer", from: ["pulocationid"], insteadOf: ["start_lon", "pickup_longitude"] },
  { name: "dropoff_location_id", kind: "integer", from: ["dolocationid"], insteadOf: ["end_lon", "dropoff_longitude"] },
  { name: "payment_type", kind: "payment", from: ["payment_type"] },
  { name: "trip_type", kind: "integer", from: ["trip_type"], since: "green" },
  { name: "fare_amount", kind: "hundredths", from: ["fare_amount", "fare_amt"] },
  { name: "extra", kind: "hundredths", from: ["extra", "surcharge"] },
  { name: "mta_tax", kind: "hundredths", from: ["mta_tax"] },
  { name: "tip_amount", kind: "hundredths", from: ["tip_amount", "tip_amt"] },
  { name: "tolls_amount", kind: "hundredths", from: ["tolls_amount", "tolls_amt"] },
  { name: "ehail_fee", kind: "hundredths", from: ["ehail_fee"], since: "green" },
  { name: "improvement_surcharge", kind: "hundredths", from: ["improvement_surcharge"], since: "2015" },
  { name: "congestion_surcharge", kind: "hundredths", from: ["congestion_surcharge"], since: "2019" },
  { name: "airport_fee", kind: "hundredths", from: ["airport_fee"], since: "yellow" },
  { name: "cbd_congestion_fee", kind: "hundredths", from: ["cbd_congestion_fee"], since: "2025" },
  { name: "total_amount", kind: "hundredths", from: ["total_amount", "total_amt"] },
];

const zoneColumns = (end: "pickup" | "dropoff"): string[] =>
  ["borough", "zone", "service_zone"].map((name) => `${end}.${name} AS ${end}_${name}`);

const tableColumns: readonly string[] = [
  "taxi_type",
  ...targets.flatMap(({ name }) => {
    if (name === "pickup_location_id") return [name, ...zoneColumns("pickup")];
    if (name === "dropoff_location_id") return [name, ...zoneColumns("dropoff")];
    return [name];
  }),
];

/** The casts are strict: a value that does not fit its column stops the transform instead of becoming a null. */
function convert(kind: Kind, column: Column, config: Config): string {
  const value = present(column);
  const isText = column.type === "VARCHAR";
  switch (kind) {
    case "timestamp":
      return `CAST(${value} AS TIMESTAMP)`;
    case "integer":
      return `CAST(${value} AS INTEGER)`;
    case "hundredths":
      // Wider than the table's column: what is too large for that is for the load to report, row by row.
      return `CAST(${value} AS DECIMAL(18, 2))`;
    case "flag":
      return isText ? value : `CASE ${value} WHEN 0 THEN 'N' WHEN 1 THEN 'Y' ELSE CAST(${value} AS VARCHAR) END`;
    case "vendor":
      return isText ? codeOf(value, config.vendors) : `CAST(${value} AS INTEGER)`;
    case "payment":
      return isText ? codeOf(value, config.payment_types) : `CAST(${value} AS INTEGER)`;
  }
}

/** The value, or null for what only stands in for a missing one: NaN, infinity, a blank text. */
function present({ name, type }: Column): string {
  const column = `"${name.replaceAll('"', '""')}"`;
  if (type === "DOUBLE" || type === "FLOAT") return `CASE WHEN isfinite(${column}) THEN ${column} END`;
  if (type === "VARCHAR") return `nullif(trim(${column}), '')`;
  return column;
}

function codeOf(value: string, codes: Readonly<Record<string, number>>): string {
  const cases = Object.entries(codes).map(([word, code]) => `WHEN ${literal(word)} THEN ${Math.trunc(code)}`);
  return `CASE upper(${value}) ${cases.join(" ")} ELSE CAST(${value} AS INTEGER) END`;
}

function missing(target: Target, columns: readonly Column[]): UserError {
  const names = columns.map((column) => column.name).join(", ");
  return new UserError(`the file has no column for ${target.name} (known as ${target.from.join(", ")}). Its columns: ${names}`, {
    hint: "Did the TLC rename it? Add the new name to `targets` in scrapes/new_york_taxi/helpers.ts.",
  });
}
