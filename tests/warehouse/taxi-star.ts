import type { Dimension, MemberDimension, Star } from "../../src/warehouse/model.ts";

const integer = { name: "INTEGER" } as const;
const text = { name: "TEXT" } as const;
const timestamp = { name: "TIMESTAMP" } as const;
const amount = { name: "NUMERIC", precision: 12, scale: 2 } as const;

const members = {
  kind: "members",
  schema: "taxi",
  attributes: [],
  history: { kind: "overwrite" },
  unknownMember: {},
  lateArriving: "infer",
  dist: { kind: "auto" },
} as const;

export const location: MemberDimension = {
  ...members,
  name: "location",
  members: { kind: "table", table: "taxi_zones" },
  naturalKey: [{ name: "location_id", type: integer }],
  attributes: [{ name: "zone", type: text }],
  unknownMember: { zone: "Unknown" },
};

const dimensions: Dimension[] = [
  { kind: "calendar", name: "date", schema: "taxi", from: "2024-01-01", to: "2024-12-31" },
  location,
  { ...members, name: "taxi_type", members: { kind: "distinct", table: "trips" }, naturalKey: [{ name: "taxi_type", type: text }] },
];

/** A small star of trips: a calendar, a dimension in two roles, a text as natural key. */
export const taxiStar: Star = {
  dimensions,
  facts: [
    {
      name: "trip",
      schema: "taxi",
      source: "trips",
      grain: "one row per trip record",
      relationships: [
        { dimension: "date", role: "pickup_date", on: { date: "picked_up_at" }, asOf: null },
        { dimension: "location", role: "pickup_location", on: { location_id: "pickup_id" }, asOf: null },
        { dimension: "location", role: "dropoff_location", on: { location_id: "dropoff_id" }, asOf: null },
        { dimension: "taxi_type", role: "taxi_type", on: { taxi_type: "taxi_type" }, asOf: null },
      ],
      columns: [{ name: "picked_up_at", type: timestamp }],
      measures: [{ name: "total", type: amount, agg: "sum", additive: true, description: null }],
      dist: { kind: "auto" },
      sort: ["picked_up_at"],
    },
  ],
  sources: [
    { table: "taxi_zones", columns: [...location.naturalKey, ...location.attributes] },
    {
      table: "trips",
      columns: [
        { name: "dropoff_id", type: integer },
        { name: "picked_up_at", type: timestamp },
        { name: "pickup_id", type: integer },
        { name: "taxi_type", type: text },
        { name: "total", type: amount },
      ],
    },
  ],
};
