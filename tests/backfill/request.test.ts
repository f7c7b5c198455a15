import { test } from "uvu";
import * as assert from "uvu/assert";
import { decodeHostRequest, encodeHostRequest } from "../../src/backfill/host-request.ts";
import { boundsOf, periodsOf } from "../../src/backfill/range.ts";
import { parseBackfillRequest } from "../../src/backfill/request.ts";
import { UserError } from "../../src/errors.ts";

const right = { dag: "demo", from: "2023-01", to: "2023-03" };

function problem(changes: object): UserError {
  try {
    parseBackfillRequest({ ...right, ...changes });
  } catch (error) {
    assert.instance(error, UserError);
    return error as UserError;
  }
  throw new Error("taken");
}

test("inputs that are left out, or empty as a workflow hands them over, have their defaults", () => {
  const expected = {
    ...right,
    every: null,
    reprocess: "none",
    maxActiveRuns: 3,
    maxRuns: 1000,
    newestFirst: false,
    params: {},
  };
  assert.equal(parseBackfillRequest(right), expected);
  assert.equal(
    parseBackfillRequest({ ...right, every: "", reprocess: "", max_active_runs: "", max_runs: "", newest_first: "", params: " " }),
    expected,
  );
});

for (const [name, value, allowed] of [
  ["dag", "no dag; $(rm)", "the id of a DAG"],
  ["from", "2023-13", "a month \\(2023-01\\), a day"],
  ["from", "", "a month"],
  ["to", "2023-02-30", "a month"],
  ["to", "2023-02-03T06:30Z", "a month .* in the DAG's time zone"],
  ["every", "week", "month, day or nothing"],
  ["reprocess", "all", "none, failed or completed"],
  ["max_active_runs", "0", "a whole number from 1 to 100"],
  ["max_runs", "1e3", "a whole number"],
  ["newest_first", "yes", "true or false"],
  ["params", "[1]", "a JSON object"],
  ["params", "{from", "a JSON object"],
] as const) {
  test(`${name}: ${JSON.stringify(value)} is refused, with what it takes`, () => {
    assert.match(problem({ [name]: value }).message, new RegExp(`^${name} is .*it takes ${allowed}`));
  });
}

test("runs that may overwrite newer ones are told so by a param", () => {
  const request = parseBackfillRequest({ ...right, overwrite_newer: "true", params: '{"kind":1}' });
  assert.equal(request.params, { kind: 1, overwrite_newer: true });
  assert.equal(decodeHostRequest(encodeHostRequest({ request, id: null, release: null, failuresKnown: 0 })).request, request);
});

test("every wrong input is named at once", () => {
  assert.match(problem({ from: "x", reprocess: "y" }).message, /^from is "x": .*\nreprocess is "y": .*$/);
});

test("a range that ends before it begins is refused, a single day or month is not", () => {
  assert.match(problem({ from: "2023-04" }).message, /^from \(2023-04\) is after to \(2023-03\)/);
  assert.match(problem({ from: "2023-04-01" }).message, /is after/);
  parseBackfillRequest({ ...right, from: "2023-03" });
  parseBackfillRequest({ ...right, from: "2023-03-15", to: "2023-03-15" });
});

test("a request reaches the agent as it was, in characters that mean nothing to a shell", () => {
  const params = { note: `'; rm -rf / #"$(x)\`é\n`, list: [1, null, { deep: true }] };
  const request = parseBackfillRequest({ ...right, every: "month", newest_first: "true", params: JSON.stringify(params) });
  const sent = { request, id: "7", release: "1".repeat(64), failuresKnown: 2 };
  const text = encodeHostRequest(sent);
  assert.match(text, /^[A-Za-z0-9_-]+$/);
  assert.equal(decodeHostRequest(text), sent);
});

test("params that no SSM parameter can hold, and a request that can't be read, are one plain line", () => {
  const request = parseBackfillRequest({ ...right, params: JSON.stringify({ long: "x".repeat(4000) }) });
  assert.throws(() => encodeHostRequest({ request, id: null, release: null, failuresKnown: 0 }), /^params are too long: 4011 characters/);
  for (const text of ["", "e30", "!", Buffer.from("[").toString("base64url")]) {
    assert.throws(() => decodeHostRequest(text), /can't be read/);
  }
});

test("a range's bounds are days and months of the DAG's time zone, across a clock change", () => {
  const iso = (from: string, to: string): string[] => {
    const bounds = boundsOf({ from, to }, "America/New_York");
    return [bounds.from.toISOString(), bounds.to.toISOString()];
  };
  assert.equal(iso("2023-03", "2023-03"), ["2023-03-01T05:00:00.000Z", "2023-04-01T03:59:59.999Z"]);
  assert.equal(iso("2023-03-12", "2023-03-12"), ["2023-03-12T05:00:00.000Z", "2023-03-13T03:59:59.999Z"]);
  assert.equal(iso("2023-03-12T06:30", "2023-12-31T06:30"), ["2023-03-12T10:30:00.000Z", "2023-12-31T11:30:00.000Z"]);
});

test("months and days of a range are listed with both ends, over a year's end and a leap day", () => {
  const names = (from: string, to: string, every: "month" | "day" | null = null): string[] =>
    periodsOf({ from, to, every }, "UTC", 100).map(({ name }) => name);
  assert.equal(names("2023-11", "2024-02"), ["2023-11", "2023-12", "2024-01", "2024-02"]);
  assert.equal(names("2024-02-28", "2024-03-01"), ["2024-02-28", "2024-02-29", "2024-03-01"]);
  assert.equal(names("2024-02-28", "2024-03-01", "month"), ["2024-02", "2024-03"]);
  assert.is(names("2024-02", "2024-02", "day").length, 29);
  const [month] = periodsOf({ from: "2023-03", to: "2023-03", every: null }, "America/New_York", 1);
  assert.equal([month?.start.toISOString(), month?.end.toISOString()], ["2023-03-01T05:00:00.000Z", "2023-04-01T04:00:00.000Z"]);
});

test.run();
