import { rename, rm } from "node:fs/promises";
import { DuckDBInstance } from "@duckdb/node-api";

export type TaxiType = "green" | "yellow";

export interface TlcMonth {
  readonly taxiType: TaxiType;
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  readonly rows: number;
  /** The same seed gives the same trips. */
  readonly seed: number;
}

/**
 * Writes one month of made-up trips as the parquet file that the TLC would publish for it: the same columns, in the same
 * order and of the same types, which drift over the years as the TLC's do. Among the trips are the TLC's usual strays:
 * missing trip details, refunds, pickups of another year, drop-offs before their pickup. `file` appears only when it is whole.
 */
export async function writeTlcMonth(month: TlcMonth, file: string): Promise<void> {
  const unfinished = `${file}.${process.pid}.unfinished`;
  // One thread, so that the rows and their grouping in the file depend on nothing but the seed.
  const instance = await DuckDBInstance.create(":memory:", { threads: "1", memory_limit: "256MB" });
  const connection = await instance.connect();
  try {
    const columns = publishedColumns(month).map(
      ([name, type]) => `CAST(${expressionFor(name, type, month.taxiType)} AS ${type}) AS "${name}"`,
    );
    await connection.run(`COPY (SELECT ${columns.join(", ")} FROM (${trips(month)}))
      TO ${quoted(unfinished)} (FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE 122880)`);
    await rename(unfinished, file);
  } finally {
    connection.closeSync();
    instance.closeSync();
    await rm(unfinished, { force: true });
  }
}

/** The columns of a month's file with their DuckDB types, as the TLC published them. */
function publishedColumns({ taxiType, year, month }: Pick<TlcMonth, "taxiType" | "year" | "month">): [name: string, type: string][] {
  if (taxiType === "yellow" && year === 2009) return yellow2009;
  if (taxiType === "yellow" && year === 2010) return yellow2010;
  // From February 2023 on the files are written by another program: narrower ids, whole counts, and Airport_fee.
  const newWriter = year > 2023 || (year === 2023 && month >= 2);
  const id = newWriter ? "INTEGER" : "BIGINT";
  const count = newWriter ? "BIGINT" : year >= 2019 ? "DOUBLE" : "BIGINT";
  const prefix = taxiType === "green" ? "lpep" : "tpep";
  const lateFee = year >= 2019 ? "DOUBLE" : "INTEGER";
  const start: [string, string][] = [
    ["VendorID", id],
    [`${prefix}_pickup_datetime`, "TIMESTAMP"],
    [`${prefix}_dropoff_datetime`, "TIMESTAMP"],
  ];
  const money = (...names: string[]): [string, string][] => names.map((name) => [name, "DOUBLE"]);
  const cbd: [string, string][] = year >= 2025 ? money("cbd_congestion_fee") : [];
  if (taxiType === "green") {
    return [
      ...start,
      ["store_and_fwd_flag", "VARCHAR"],
      ["RatecodeID", count],
      ["PULocationID", id],
      ["DOLocationID", id],
      ["passenger_count", count],
      ...money("trip_distance", "fare_amount", "extra", "mta_tax", "tip_amount", "tolls_amount"),
      ["ehail_fee", newWriter ? "DOUBLE" : "INTEGER"],
      ...money("improvement_surcharge", "total_amount"),
      ["payment_type", count],
      ["trip_type", count],
      ["congestion_surcharge", lateFee],
      ...cbd,
    ];
  }
  return [
    ...start,
    ["passenger_count", count],
    ["trip_distance", "DOUBLE"],
    ["RatecodeID", count],
    ["store_and_fwd_flag", "VARCHAR"],
    ["PULocationID", id],
    ["DOLocationID", id],
    ["payment_type", "BIGINT"],
    ...money("fare_amount", "extra", "mta_tax", "tip_amount", "tolls_amount", "improvement_surcharge", "total_amount"),
    ["congestion_surcharge", lateFee],
    [newWriter ? "Airport_fee" : "airport_fee", year >= 2021 ? "DOUBLE" : "INTEGER"],
    ...cbd,
  ];
}

const yellow2009: [string, string][] = [
  ["vendor_name", "VARCHAR"],
  ["Trip_Pickup_DateTime", "VARCHAR"],
  ["Trip_Dropoff_DateTime", "VARCHAR"],
  ["Passenger_Count", "BIGINT"],
  ["Trip_Distance", "DOUBLE"],
  ["Start_Lon", "DOUBLE"],
  ["Start_Lat", "DOUBLE"],
  ["Rate_Code", "DOUBLE"],
  ["store_and_forward", "DOUBLE"],
  ["End_Lon", "DOUBLE"],
  ["End_Lat", "DOUBLE"],
  ["Payment_Type", "VARCHAR"],
  ["Fare_Amt", "DOUBLE"],
  ["surcharge", "DOUBLE"],
  ["mta_tax", "DOUBLE"],
  ["Tip_Amt", "DOUBLE"],
  ["Tolls_Amt", "DOUBLE"],
  ["Total_Amt", "DOUBLE"],
];

const yellow2010: [string, string][] = [
  ["vendor_id", "VARCHAR"],
  ["pickup_datetime", "VARCHAR"],
  ["dropoff_datetime", "VARCHAR"],
  ["passenger_count", "BIGINT"],
  ["trip_distance", "DOUBLE"],
  ["pickup_longitude", "DOUBLE"],
  ["pickup_latitude", "DOUBLE"],
  ["rate_code", "VARCHAR"],
  ["store_and_fwd_flag", "VARCHAR"],
  ["dropoff_longitude", "DOUBLE"],
  ["dropoff_latitude", "DOUBLE"],
  ["payment_type", "VARCHAR"],
  ["fare_amount", "DOUBLE"],
  ["surcharge", "DOUBLE"],
  ["mta_tax", "DOUBLE"],
  ["tip_amount", "DOUBLE"],
  ["tolls_amount", "DOUBLE"],
  ["total_amount", "DOUBLE"],
];

/** The trips with everything that any year's columns are made from; amounts are whole cents, so that totals add up. */
function trips({ taxiType, year, month, rows, seed }: TlcMonth): string {
  const salt = seed * 1_000_003 + year * 24 + month * 2 + (taxiType === "green" ? 1 : 0);
  /** A number in [0, below) that depends on the row, the month, the seed and `name`. */
  const random = (name: string, below: number): string => `CAST(hash(i, ${salt}, '${name}') % ${below} AS BIGINT)`;
  const first = `TIMESTAMP '${year}-${String(month).padStart(2, "0")}-01 00:00:00'`;
  const seconds = new Date(Date.UTC(year, month, 0)).getUTCDate() * 86_400;
  const nullShare = taxiType === "green" ? 63 : 41;
  return `
    SELECT *, CASE WHEN refund THEN -1 ELSE 1 END AS sign,
      fare + extra + mta_tax + tip + tolls + improvement + congestion + airport + cbd AS total
    FROM (
      SELECT *,
        pickup + to_seconds(CASE WHEN stray = 7 THEN -60 ELSE 120 + CAST(miles * 2.4 AS BIGINT) + ${random("traffic", 600)} END) AS dropoff,
        300 + CAST(floor(miles * 2.5) AS BIGINT) + ${random("meter", 8)} * 50 AS fare,
        CASE WHEN payment = 1 THEN CAST(floor(miles * 0.7) AS BIGINT) + ${random("tip", 300)} ELSE 0 END AS tip
      FROM (
        SELECT
          i,
          ${random("stray", 5000)} AS stray,
          ${first} + to_seconds(${random("pickup", seconds)}) - to_years(CASE WHEN stray = 3 THEN 1 ELSE 0 END) AS pickup,
          ${random("lacking", 1000)} < ${nullShare} AS lacking,
          ${random("vendor", 100)} < ${taxiType === "green" ? 14 : 27} AS first_vendor,
          1 + ${random("pu", 265)} AS pu,
          1 + ${random("do", 265)} AS dest,
          -- Hundredths of a mile: most trips are short.
          (${random("near", 400)} * (1 + ${random("far", 6)})) // 2 AS miles,
          ${random("people", 100)} AS people,
          ${random("rate", 1000)} AS rate,
          CASE WHEN ${random("payment", 100)} < 68 THEN 1 WHEN stray % 50 = 1 THEN 3 WHEN stray % 50 = 2 THEN 4 ELSE 2 END AS payment,
          CASE WHEN ${random("extra", 10)} < 4 THEN 100 ELSE 0 END AS extra,
          50 AS mta_tax,
          CASE WHEN ${random("tolls", 100)} < 4 THEN 655 ELSE 0 END AS tolls,
          ${year >= 2023 ? 100 : year >= 2015 ? 30 : 0} AS improvement,
          CASE WHEN NOT lacking AND ${random("core", 100)} < ${taxiType === "green" ? 29 : 90} THEN ${year >= 2019 ? (taxiType === "green" ? 275 : 250) : 0} ELSE 0 END AS congestion,
          CASE WHEN NOT lacking AND pu IN (132, 138) THEN ${taxiType === "yellow" && year >= 2021 ? 125 : 0} ELSE 0 END AS airport,
          CASE WHEN ${random("cbd", 100)} < 60 THEN ${year >= 2025 ? 75 : 0} ELSE 0 END AS cbd,
          ${random("refund", 1000)} < 6 AS refund,
          ${random("stored", 1000)} < 4 AS stored
        FROM range(${rows}) AS numbers(i)
      )
    )`;
}

function expressionFor(column: string, type: string, taxiType: TaxiType): string {
  if (column.toLowerCase() === "payment_type") return payment(type, taxiType);
  // A column that was added later is there in the older files, too, without a value and so without a proper type.
  if (type === "INTEGER" && ["congestion_surcharge", "airport_fee"].includes(column)) return "NULL";
  const expression = expressions[column.toLowerCase()];
  if (expression === undefined) throw new Error(`the generator does not know the column ${column}`);
  return expression;
}

/** The first years had words; later a yellow trip that lacks its details has 0, and a green one null. */
function payment(type: string, taxiType: TaxiType): string {
  if (type === "VARCHAR") return "CASE payment WHEN 1 THEN 'Credit' WHEN 2 THEN 'CASH' WHEN 3 THEN 'No Charge' ELSE 'Dispute' END";
  return taxiType === "yellow" ? "CASE WHEN lacking THEN 0 ELSE payment END" : unlessLacking("payment");
}

const unlessLacking = (value: string): string => `CASE WHEN NOT lacking THEN ${value} END`;
const dollars = (cents: string): string => `sign * ${cents} / 100.0`;
const asText = (time: string): string => `strftime(${time}, '%Y-%m-%d %H:%M:%S')`;
const rateCode =
  "CASE WHEN rate < 930 THEN 1 WHEN rate < 960 THEN 2 WHEN rate < 970 THEN 3 WHEN rate < 975 THEN 4 WHEN rate < 998 THEN 5 ELSE 99 END";
const passengers = "CASE WHEN people < 2 THEN 0 WHEN people < 75 THEN 1 WHEN people < 90 THEN 2 ELSE people % 4 + 3 END";

/** Each column of any year, by its name in lower case, in terms of `trips`. */
const expressions: Readonly<Record<string, string>> = {
  vendorid: "CASE WHEN first_vendor THEN 1 ELSE 2 END",
  vendor_name: "CASE WHEN first_vendor THEN 'CMT' WHEN stray % 9 = 0 THEN 'DDS' ELSE 'VTS' END",
  vendor_id: "CASE WHEN first_vendor THEN 'CMT' WHEN stray % 9 = 0 THEN 'DDS' ELSE 'VTS' END",
  lpep_pickup_datetime: "pickup",
  lpep_dropoff_datetime: "dropoff",
  tpep_pickup_datetime: "pickup",
  tpep_dropoff_datetime: "dropoff",
  trip_pickup_datetime: asText("pickup"),
  trip_dropoff_datetime: asText("dropoff"),
  pickup_datetime: asText("pickup"),
  dropoff_datetime: asText("dropoff"),
  store_and_fwd_flag: unlessLacking("CASE WHEN stored THEN 'Y' ELSE 'N' END"),
  store_and_forward: unlessLacking("CASE WHEN stored THEN 1 ELSE 0 END"),
  ratecodeid: unlessLacking(rateCode),
  rate_code: unlessLacking(rateCode),
  passenger_count: unlessLacking(passengers),
  // A few are a broken taximeter's.
  trip_distance: "CASE WHEN stray = 11 THEN 12009884 ELSE miles END / 100.0",
  pulocationid: "pu",
  dolocationid: "dest",
  start_lon: "-74.02 + pu / 1000.0",
  start_lat: "40.64 + pu / 1500.0",
  end_lon: "-74.02 + dest / 1000.0",
  end_lat: "40.64 + dest / 1500.0",
  pickup_longitude: "-74.02 + pu / 1000.0",
  pickup_latitude: "40.64 + pu / 1500.0",
  dropoff_longitude: "-74.02 + dest / 1000.0",
  dropoff_latitude: "40.64 + dest / 1500.0",
  trip_type: unlessLacking("CASE WHEN rate >= 975 AND rate < 998 THEN 2 ELSE 1 END"),
  fare_amount: dollars("fare"),
  fare_amt: dollars("fare"),
  extra: dollars("extra"),
  surcharge: dollars("extra"),
  mta_tax: dollars("mta_tax"),
  tip_amount: dollars("tip"),
  tip_amt: dollars("tip"),
  tolls_amount: dollars("tolls"),
  tolls_amt: dollars("tolls"),
  ehail_fee: "NULL",
  improvement_surcharge: dollars("improvement"),
  congestion_surcharge: unlessLacking(dollars("congestion")),
  airport_fee: unlessLacking(dollars("airport")),
  cbd_congestion_fee: dollars("cbd"),
  total_amount: dollars("total"),
  total_amt: dollars("total"),
};

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
