import { test } from "uvu";
import * as assert from "uvu/assert";
import { accountsFor, type Trace } from "../../src/load/trace.ts";

const trace: Trace = { target: "t", tableRows: 5, transactions: ["800", "801"], snapshot: "790:802:790,795" };
const group = (transaction: string, count: number, own = true) => ({ transaction, own, count });

test("append and replace: as many rows as were written, all by the load's own transactions", () => {
  for (const mode of ["append", "replace"] as const) {
    const holds = (...groups: ReturnType<typeof group>[]): boolean => accountsFor(groups, mode, { rowsWritten: 3 }, trace);
    assert.is(holds(group("800", 2), group("801", 1)), true);
    assert.is(holds(group("800", 2)), false);
    assert.is(holds(group("800", 2), group("802", 1)), false);
    assert.is(holds(group("800", 2), group("800", 1, false)), false);
  }
  assert.is(accountsFor([], "append", { rowsWritten: 0 }, trace), true);
});

test("upsert: as many rows as there were, all by the load or by what had been committed before", () => {
  const holds = (...groups: ReturnType<typeof group>[]): boolean => accountsFor(groups, "upsert", { rowsWritten: 1 }, trace);
  assert.is(holds(group("801", 1), group("3", 4, false)), true);
  assert.is(holds(group("801", 1), group("3", 3, false)), false);
  assert.is(holds(group("801", 1), group("802", 4, false)), false, "later than the load");
  assert.is(holds(group("801", 1), group("795", 4, false)), false, "under way during the load");
  assert.is(accountsFor([group("3", 5)], "upsert", { rowsWritten: 1 }, { ...trace, tableRows: null }), false, "not counted then");
});

test("transaction ids are compared as PostgreSQL does once their 32 bits have wrapped", () => {
  const wrapped: Trace = { ...trace, snapshot: "4294967297:4294967299:4294967298" };
  const holds = (transaction: string): boolean => accountsFor([group(transaction, 5)], "upsert", { rowsWritten: 1 }, wrapped);
  assert.is(holds("4294967290"), true);
  assert.is(holds("1"), true);
  assert.is(holds("2"), false, "under way");
  assert.is(holds("3"), false);
});

test.run();
