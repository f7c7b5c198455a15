import { test } from "uvu";
import * as assert from "uvu/assert";
import { TransientError, UserError } from "../../src/errors.ts";
import { DataError } from "../../src/load/database.ts";
import { explainPostgresError } from "../../src/services/postgres-errors.ts";

const server = { host: "db", port: 5432, dbname: "data", user: "loader" };

function explained(code: string, more: object = {}): unknown {
  return explainPostgresError(Object.assign(new Error(`says ${code}`), { code, ...more }), server);
}

/** PostgreSQL, "Appendix A. PostgreSQL Error Codes": one code or more of each class. */
const kinds: readonly (readonly [kind: typeof TransientError | typeof UserError | typeof DataError, codes: string])[] = [
  [TransientError, "08000 08003 08006 08P01 25001 25006 25P02 25P03 25P04 40001 40P01 40003 53000 53100 53200 53300 53400"],
  [TransientError, "55000 55006 55P03 57014 57P01 57P02 57P03 57P05 58000 58030 58P01 72000 XX000 XX001"],
  [UserError, "03000 09000 0A000 0B000 0F001 0L000 0P000 0Z002 20000 21000 23000 23001 23502 23503 23505 23514 23P01 24000 26000 27000"],
  [UserError, "28000 28P01 2B000 2D000 2F003 34000 38000 39004 3D000 3F000 42501 42601 42703 42804 42P01 42P10 42P17 428C9 44000"],
  [UserError, "54000 54001 54011 54023 F0000 HV000 P0000 P0001 P0002 P0004 U0001 ZZ999"],
  [DataError, "22000 22001 22003 22007 22008 22021 22P02 22P04 22P05"],
];
for (const [kind, codes] of kinds) {
  for (const code of codes.split(" ")) {
    test(`SQLSTATE ${code} is a ${kind.name}`, () => {
      const error = explained(code);
      assert.instance(error, kind);
      // Only one of the three: none of them is a subclass of another.
      assert.is([TransientError, UserError, DataError].filter((one) => error instanceof one).length, 1);
    });
  }
}

test("an error without a SQLSTATE is passed on as it is", () => {
  for (const code of ["ERR_ASSERTION", "EINVAL", "EBADF", "EPERM", ""]) assert.not.instance(explained(code), UserError);
  const bug = new TypeError("x is undefined");
  assert.is(explainPostgresError(bug, server), bug);
});

test("the server's detail and hint reach the person", () => {
  const error = explained("0A000", { detail: 'rule _RETURN on view busiest\ndepends on column "id"', hint: "Drop it." }) as UserError;
  assert.is(error.message, 'PostgreSQL at db:5432: says 0A000 (rule _RETURN on view busiest depends on column "id")');
  assert.is(error.hint, "Drop it.");
});

test("a constraint is named, with its table", () => {
  const error = explained("23505", { constraint: "trips_id_idx", table: "trips", schema: "public" }) as UserError;
  assert.match(String(error.hint), '"trips_id_idx" of public.trips');
});

test("the line of a COPY is read in any language", () => {
  const lines = ['COPY trips, line 3, column fare: "x"', "COPY trips, Zeile 3, Spalte fare", "SQL function\nCOPY trips2, línea 3"];
  for (const where of lines) assert.is((explained("22P02", { where }) as DataError).line, 3);
  assert.is((explained("22P02", { where: "PL/pgSQL function f() line 7" }) as DataError).line, null);
});

test.run();
