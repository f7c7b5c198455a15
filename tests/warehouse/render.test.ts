import { test } from "uvu";
import * as assert from "uvu/assert";
import { UserError } from "../../src/errors.ts";
import { redshiftLiteral } from "../../src/warehouse/redshift-sql.ts";
import { maxBytes, redshiftType } from "../../src/warehouse/redshift-types.ts";
import { renderDdl } from "../../src/warehouse/render-ddl.ts";
import { renderMove } from "../../src/warehouse/render-move.ts";
import { location, taxiStar } from "./taxi-star.ts";

const load = { loadId: "a1", sequence: 1n, mode: { kind: "append", slice: null }, removed: [] } as const;

test("a type has room for what PostgreSQL holds", () => {
  assert.is(redshiftType({ name: "VARCHAR", length: 10 }), "VARCHAR(40)");
  assert.is(redshiftType({ name: "VARCHAR", length: 20_000 }), "VARCHAR(65535)");
  assert.is(maxBytes({ name: "VARCHAR", length: 20_000 }), 65_535);
  assert.is(redshiftType({ name: "TEXT" }), "VARCHAR(65535)");
  assert.is(redshiftType({ name: "NUMERIC", precision: 12, scale: null }), "NUMERIC(12,0)");
});

test("a literal for Redshift doubles quotes and backslashes", () => {
  assert.is(redshiftLiteral(`it's \\N`), `'it''s \\\\N'`);
});

test("a fact has a key for each role, its columns, its measures and the load", () => {
  const fact = renderDdl(taxiStar).find(({ what }) => what === "fact trip");
  assert.is(
    fact?.sql,
    'CREATE TABLE IF NOT EXISTS "taxi"."fact_trip" ("pickup_date_key" BIGINT NOT NULL, "pickup_location_key" BIGINT NOT NULL, ' +
      '"dropoff_location_key" BIGINT NOT NULL, "taxi_type_key" BIGINT NOT NULL, "picked_up_at" TIMESTAMP, "total" NUMERIC(12,2), ' +
      '"_load_id" VARCHAR(64) NOT NULL) DISTSTYLE AUTO SORTKEY ("picked_up_at") ENCODE AUTO',
  );
});

test("views bind late, so that a rebuild can swap tables", () => {
  const views = renderDdl(taxiStar).filter(({ sql }) => sql.startsWith("CREATE OR REPLACE VIEW"));
  assert.is(views.length, 4);
  for (const { sql } of views) assert.match(sql, / WITH NO SCHEMA BINDING$/);
});

test("a move locks its table, and each dimension that others write, too, in name order", () => {
  assert.equal(renderMove(taxiStar, "trips", load).locks, ['"dagline"."dimension_lock_location"', '"dagline"."lock_trips"']);
  assert.equal(renderMove(taxiStar, "taxi_zones", load).locks, ['"dagline"."dimension_lock_location"', '"dagline"."lock_taxi_zones"']);
});

test("the DDL makes each table that a move locks", () => {
  const ddl = renderDdl(taxiStar).map(({ sql }) => sql);
  for (const { table } of taxiStar.sources) {
    for (const lock of renderMove(taxiStar, table, load).locks)
      assert.ok(ddl.some((sql) => sql.startsWith(`CREATE TABLE IF NOT EXISTS ${lock} `)));
  }
});

test("no move commits by itself or says what Redshift refuses", () => {
  for (const { table } of taxiStar.sources) {
    const { dimensions, facts, checks } = renderMove(taxiStar, table, load);
    for (const { sql } of [...dimensions, ...facts, ...checks])
      assert.not.match(sql, /TRUNCATE|MERGE|ON CONFLICT|RETURNING|LATERAL|DISTINCT FROM/);
  }
});

test("a dimension that keeps history is refused", () => {
  const versions = { kind: "versions", changes: { kind: "check", columns: ["zone"] }, hardDeletes: "ignore" } as const;
  const star = { ...taxiStar, dimensions: taxiStar.dimensions.map((one) => (one === location ? { ...location, history: versions } : one)) };
  assert.throws(
    () => renderMove(star, "trips", load),
    (error: unknown) => error instanceof UserError && /location keeps history/.test(error.message),
  );
});

test.run();
