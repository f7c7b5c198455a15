import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Field, FieldType } from "../src/scrape/model.ts";

const types: Readonly<Record<string, FieldType>> = {
  integer: { name: "INTEGER" },
  timestamp: { name: "TIMESTAMP" },
  flag: { name: "VARCHAR", length: 1 },
  money: { name: "NUMERIC", precision: 12, scale: 2 },
};
const columns: Readonly<Record<string, string>> = {
  id: "integer",
  vendor_id: "integer",
  pickup_datetime: "timestamp",
  dropoff_datetime: "timestamp",
  store_and_fwd_flag: "flag",
  rate_code_id: "integer",
  passenger_count: "integer",
  trip_distance: "money",
  pickup_location_id: "integer",
  dropoff_location_id: "integer",
  payment_type: "integer",
  trip_type: "integer",
  fare_amount: "money",
  extra: "money",
  mta_tax: "money",
  tip_amount: "money",
  tolls_amount: "money",
  improvement_surcharge: "money",
  congestion_surcharge: "money",
  airport_fee: "money",
  total_amount: "money",
};

/** The 21 columns of the taxi table, the first of them a key. */
export const tripFields: readonly Field[] = Object.entries(columns).map(([name, kind]) => ({
  name,
  type: types[kind] as FieldType,
  description: null,
}));
export const tripColumns: readonly string[] = Object.keys(columns);

export interface TripFile {
  readonly path: string;
  readonly sha256: string;
}

/** Writes a CSV file of trips. `changed` says of which ids the amount differs from other files'; `badAt` is the id of a row that does not fit. */
export async function writeTrips(
  dir: string,
  name: string,
  count: number,
  { changed = () => false, badAt = -1 }: { readonly changed?: (id: number) => boolean; readonly badAt?: number } = {},
): Promise<TripFile> {
  const path = join(dir, `${name}.csv`);
  const block = 5000;
  const text = function* (): Generator<string> {
    yield `${tripColumns.join(",")}\n`;
    for (let start = 0; start < count; start += block) {
      const ids = Array.from({ length: Math.min(block, count - start) }, (_, index) => start + index);
      yield ids.map((id) => `${tripOf(id, changed(id), id === badAt)}\n`).join("");
    }
  };
  await pipeline(Readable.from(text()), createWriteStream(path));
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return { path, sha256: hash.digest("hex") };
}

function tripOf(id: number, isChanged: boolean, isBad: boolean): string {
  const two = (number: number): string => String(number).padStart(2, "0");
  const day = isBad ? "2023-02-30" : `2023-01-${two((id % 28) + 1)}`;
  const fare = (id % 9000) / 100;
  return [
    ...[id, (id % 2) + 1, `${day} ${two(id % 24)}:${two(id % 60)}:${two(id % 59)}`, `2023-01-31 23:${two(id % 60)}:00`, "N", 1, id % 5],
    ...[
      ((id % 3000) / 100).toFixed(2),
      id % 265,
      (id * 7) % 265,
      id % 4,
      "",
      fare.toFixed(2),
      "0.50",
      "0.50",
      ((id % 700) / 100).toFixed(2),
    ],
    ...["0.00", "1.00", "2.50", "0.00", (fare + (isChanged ? 5.5 : 4.5)).toFixed(2)],
  ].join(",");
}
