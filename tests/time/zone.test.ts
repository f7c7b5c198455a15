import { test } from "uvu";
import * as assert from "uvu/assert";
import { firstInstant, instantOf, isSecond, offsetAt, wallClock } from "../../src/time/zone.ts";

const at = (iso: string): number => Date.parse(iso);
/** What a clock shows, as a wall time. */
const wall = (text: string): number => Date.parse(`${text}Z`);
const iso = (instant: number): string => new Date(instant).toISOString();

test("a clock west of UTC shows the evening before", () => {
  assert.is(wallClock(at("2024-01-01T02:00Z"), "America/Santiago"), wall("2023-12-31T23:00"));
  assert.is(offsetAt(at("2024-01-01T02:00Z"), "America/Santiago"), -3 * 3_600_000);
  assert.is(instantOf(wall("2023-12-31T23:00"), "America/Santiago"), at("2024-01-01T02:00Z"));
});

test("a wall time that is left out in spring is an hour later", () => {
  for (const occurrence of ["first", "second"] as const)
    assert.is(iso(instantOf(wall("2024-03-10T02:30"), "America/New_York", occurrence)), "2024-03-10T07:30:00.000Z");
});

test("a wall time that comes twice in autumn has two instants", () => {
  const twice = wall("2023-11-05T01:30");
  assert.is(iso(instantOf(twice, "America/New_York")), "2023-11-05T05:30:00.000Z");
  assert.is(iso(instantOf(twice, "America/New_York", "second")), "2023-11-05T06:30:00.000Z");
  assert.not(isSecond(at("2023-11-05T05:30Z"), "America/New_York"));
  assert.ok(isSecond(at("2023-11-05T06:30Z"), "America/New_York"));
  assert.not(isSecond(at("2023-11-05T07:30Z"), "America/New_York"));
});

for (const [zone, day, starts] of [
  ["UTC", "2024-09-08", "2024-09-08T00:00:00.000Z"],
  ["America/Santiago", "2024-09-08", "2024-09-08T04:00:00.000Z"],
  ["America/Havana", "2024-03-10", "2024-03-10T05:00:00.000Z"],
  ["America/Asuncion", "2024-10-06", "2024-10-06T04:00:00.000Z"],
  ["America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00.000Z"],
  ["Atlantic/Azores", "2024-03-31", "2024-03-31T01:00:00.000Z"],
  ["Asia/Beirut", "2024-03-31", "2024-03-30T22:00:00.000Z"],
  // Clocks go from 23:30 to 00:30.
  ["America/Toronto", "1919-03-31", "1919-03-31T04:30:00.000Z"],
] as const) {
  test(`${day} in ${zone} begins at ${starts}${zone === "UTC" ? "" : ", when clocks are put forward over midnight"}`, () => {
    assert.is(iso(firstInstant(wall(`${day}T00:00`), zone)), starts);
    assert.is(iso(wallClock(at(starts), zone)).slice(0, 10), day);
  });
}

test("a day with two midnights begins at the first", () => {
  assert.is(iso(firstInstant(wall("2024-11-03T00:00"), "America/Havana")), "2024-11-03T04:00:00.000Z");
  assert.is(iso(firstInstant(wall("2021-10-29T00:00"), "Asia/Amman")), "2021-10-28T21:00:00.000Z");
});

test("a day that the zone leaves out begins with the next one", () => {
  const next = firstInstant(wall("2011-12-31T00:00"), "Pacific/Apia");
  assert.is(firstInstant(wall("2011-12-30T00:00"), "Pacific/Apia"), next);
  assert.is(iso(next), "2011-12-30T10:00:00.000Z");
});

test.run();
