import { test } from "uvu";
import * as assert from "uvu/assert";
import { UserError } from "../../src/errors.ts";
import { keyIndexName, type LiveColumn, planTable, typeSql } from "../../src/load/ddl.ts";
import { loadIdOf, lockNumber } from "../../src/load/load-id.ts";
import { identifier, literal } from "../../src/load/sql.ts";
import type { FieldType } from "../../src/scrape/model.ts";
import { aRequest, fieldsOf } from "./fixture.ts";

const own: LiveColumn[] = [
  { name: "scraping_execution_date", type: "timestamp with time zone", default: "dagline.current_execution_date()" },
  { name: "_load_id", type: "text", default: "dagline.current_load_id()" },
];

function numeric(precision: number | null, scale: number | null = null): FieldType {
  return { name: "NUMERIC", precision, scale };
}

function varchar(length: number): FieldType {
  return { name: "VARCHAR", length };
}

test("a table that is as the fields say needs no statement", () => {
  const live = [{ name: "id", type: "integer" }, { name: "fare", type: "numeric(12,2)" }, ...own];
  assert.equal(planTable("public", "trips", fieldsOf({ id: "INTEGER", fare: numeric(12, 2) }), live), []);
});

test("a new table ends in our two columns", () => {
  const [create = ""] = planTable("public", "trips", fieldsOf({ id: "INTEGER" }), null);
  assert.match(
    create,
    /^CREATE TABLE "public"\."trips" \("id" integer, "scraping_execution_date" timestamp with .*, "_load_id" text DEFAULT [^,]*\)$/,
  );
});

test("a table from elsewhere gets our columns", () => {
  const [alter = ""] = planTable("public", "trips", fieldsOf({ id: "INTEGER" }), [{ name: "id", type: "integer" }]);
  assert.match(alter, /^ALTER TABLE "public"\."trips" ADD COLUMN "scraping_execution_date" .* ADD COLUMN "_load_id" text/);
});

const wider: readonly (readonly [string, FieldType])[] = [
  ["integer", { name: "BIGINT" }],
  ["smallint", { name: "INTEGER" }],
  ["integer", numeric(null)],
  ["integer", numeric(12, 2)],
  ["bigint", numeric(null)],
  ["character varying(10)", varchar(11)],
  ["character varying(10)", { name: "TEXT" }],
  ["numeric(10,2)", numeric(12, 2)],
  ["numeric(10,2)", numeric(12, 4)],
  ["numeric(10,2)", numeric(null)],
];
for (const [live, type] of wider) {
  test(`${live} is widened to ${typeSql(type)}`, () => {
    const statements = planTable("public", "trips", fieldsOf({ x: type }), [{ name: "x", type: live }, ...own]);
    assert.equal(statements, [`ALTER TABLE "public"."trips" ALTER COLUMN "x" TYPE ${typeSql(type)}`]);
  });
}

const narrower: readonly (readonly [string, FieldType])[] = [
  ["bigint", { name: "INTEGER" }],
  ["numeric", { name: "BIGINT" }],
  ["numeric(12,2)", { name: "INTEGER" }],
  ["character varying(10)", varchar(9)],
  ["text", varchar(9)],
  ["character varying", varchar(9)],
  ["numeric", numeric(38, 2)],
  ["numeric(12,4)", numeric(10, 2)],
];
for (const [live, type] of narrower) {
  test(`${live} stays as it is under a field of type ${typeSql(type)}`, () => {
    assert.equal(planTable("public", "trips", fieldsOf({ x: type }), [{ name: "x", type: live }, ...own]), []);
  });
}

const lossy: readonly (readonly [string, FieldType])[] = [
  ["numeric(9,2)", { name: "INTEGER" }],
  ["numeric(10,2)", numeric(11, 4)],
  ["text", { name: "INTEGER" }],
  ["double precision", numeric(null)],
  ["timestamp without time zone", { name: "TIMESTAMPTZ" }],
];
for (const [live, type] of lossy) {
  test(`${live} is not turned into ${typeSql(type)}`, () => {
    assert.throws(
      () => planTable("public", "trips", fieldsOf({ x: type }), [{ name: "x", type: live }, ...own]),
      (error: unknown) =>
        error instanceof UserError && error.message.includes(`is ${live} in the database, and ${typeSql(type)} in fields`),
    );
  });
}

test("a field that is named like one of our columns is refused", () => {
  assert.throws(() => planTable("public", "trips", fieldsOf({ _load_id: "TEXT" }), null), /is a column that dagline fills itself/);
});

test("the name of a table's key index is its own, however long the table's name is", () => {
  assert.is(keyIndexName("trips"), "trips_dagline_key");
  const [one, two] = [keyIndexName(`${"t".repeat(62)}1`), keyIndexName(`${"t".repeat(62)}2`)];
  assert.is.not(one, two);
  assert.is(one.length, 63);
});

test("a load is named after its slice, or else after its run", () => {
  const sliced = { ...aRequest, mode: { kind: "append", slice: "2023-01" } } as const;
  assert.is(loadIdOf(sliced), loadIdOf({ ...sliced, runId: "another", task: "another" }));
  assert.is.not(loadIdOf(sliced), loadIdOf({ ...sliced, table: "another" }));
  assert.is.not(loadIdOf(aRequest), loadIdOf({ ...aRequest, runId: "another" }));
  assert.is.not(loadIdOf(aRequest), loadIdOf({ ...aRequest, mapIndex: 0 }));
});

test("a lock's number fits PostgreSQL's bigint, and different names do not run together", () => {
  for (const name of ["a", "b", "c", "d"])
    assert.ok(BigInt.asIntN(64, BigInt(lockNumber("table", name))) === BigInt(lockNumber("table", name)));
  assert.is.not(lockNumber("ab", "c"), lockNumber("a", "bc"));
});

test("quoting keeps a text a text", () => {
  assert.is(identifier('a"b'), '"a""b"');
  assert.is(literal("it's"), "'it''s'");
  assert.is(literal("\\'"), "E'\\\\'''");
  assert.throws(() => identifier("a\0"), /not a name/);
  assert.throws(() => identifier("\u00e4".repeat(32)), /not a name/);
});

test.run();
