import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { pythonBin, root } from "../../local/paths.ts";
import { firstInstant, instantOf, isSecond, wallClock } from "../../src/time/zone.ts";
import { isTimeZone } from "../../src/time/zone-name.ts";

/** All in seconds. */
interface Table {
  /** Zones of the same rules. */
  readonly names: readonly string[];
  /** An instant and the offset from then on, in turn. */
  readonly changes: readonly number[];
  /** A wall time around each change, its first instant by zoneinfo, and its instant by Airflow's make_aware, in turn. */
  readonly walls: readonly number[];
}

// An empty PYTHONTZPATH, as on the host: the locked package tzdata, not what the machine has.
const python = execFileSync(join(pythonBin, "python"), [join(root, "tests/time/dump-zones.py")], {
  encoding: "utf8",
  env: { PATH: process.env.PATH, PYTHONTZPATH: "" },
  maxBuffer: 64e6,
});
const { version, tables } = JSON.parse(python) as { version: string; tables: Table[] };

/** Zones for which Node's data and Python's differ, and until which year. Look at these anew when one of the two is updated. */
const different: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  "2026c 2026f": { "America/Bogota": 1992, "Asia/Tehran": 1979, Iran: 1979 },
};

test("clocks and instants agree with zoneinfo and Airflow in every zone, around every change of its offset from 1970 to 2037", () => {
  const known = different[`${process.versions.tz} ${version}`] ?? {};
  const wrong: string[] = [];
  const found = new Set<string>();
  for (const table of tables) {
    // Zones with the same changes: the module is tried on the first, Node's data on the others, which is fast.
    for (const [index, zone] of table.names.entries()) {
      for (const { year, text } of index === 0 ? compare(table, zone) : compareData(table, zone)) {
        found.add(zone);
        if (year > (known[zone] ?? 0)) wrong.push(`${zone} ${text}`);
      }
    }
  }
  assert.equal(wrong.slice(0, 20), [], `Node has ${process.versions.tz}, Python ${version}`);
  assert.equal([...found].sort(), Object.keys(known).sort());
});

test("a zone's name is taken when zoneinfo has it, in that very spelling, and no other name is", () => {
  const names = new Set(tables.flatMap((table) => table.names));
  for (const name of names) {
    assert.ok(isTimeZone(name), name);
    for (const other of [name.toLowerCase(), name.toUpperCase(), `${name}/`, `posix/${name}`])
      if (!names.has(other)) assert.not(isTimeZone(other), other);
  }
  // Some of these are names to Node, or to a machine's own zoneinfo.
  const others = ["Factory", "localtime", "", "Z", "+02:00", "UTC+1", "Etc/Unknown", "Mars/Base", "../etc/passwd"];
  const onlyNodes = ["PST", "IST", "SystemV/EST5", "Systemv/EST5", "US/Pacific-New", "Canada/East-Saskatchewan"];
  for (const name of [...others, ...onlyNodes]) assert.not(isTimeZone(name), name);
});

interface Difference {
  readonly year: number;
  readonly text: string;
}

function difference(what: string, at: number, is: number, should: number): Difference {
  const date = new Date(at * 1000);
  return { year: date.getUTCFullYear(), text: `${what} ${date.toISOString()}: ${is}, not ${should}` };
}

function* compare({ changes, walls }: Table, zone: string): Generator<Difference> {
  for (let i = 0; i < changes.length; i += 2) {
    const [before, at = 0, offset = 0] = [changes[i - 1], changes[i], changes[i + 1]];
    const shown = wallClock(at * 1000, zone) / 1000;
    if (shown !== at + offset) yield difference("clock at", at, shown, at + offset);
    if (before === undefined) continue;
    const shownBefore = wallClock((at - 1) * 1000, zone) / 1000;
    if (shownBefore !== at - 1 + before) yield difference("clock at", at - 1, shownBefore, at - 1 + before);
    if (isSecond(at * 1000, zone) !== offset < before)
      yield difference("second time at", at, Number(offset >= before), Number(offset < before));
    for (const day of new Set([before, offset].map((one) => Math.floor((at + one) / DAY) * DAY))) {
      const starts = firstInstant(day * 1000, zone) / 1000;
      const should = firstOf(changes, day);
      if (starts !== should) yield difference("day", day, starts, should);
    }
  }
  for (let i = 0; i < walls.length; i += 3) {
    const [wall = 0, first = 0, airflows = 0] = [walls[i], walls[i + 1], walls[i + 2]];
    const [one, other] = [instantOf(wall * 1000, zone) / 1000, instantOf(wall * 1000, zone, "second") / 1000];
    if (one !== first) yield difference("first", wall, one, first);
    if (other !== airflows) yield difference("second", wall, other, airflows);
  }
}

function* compareData({ changes }: Table, zone: string): Generator<Difference> {
  const format = new Intl.DateTimeFormat("en-US", { timeZone: zone, timeZoneName: "longOffset", second: "numeric" });
  for (let i = 0; i < changes.length; i += 2) {
    for (const [at, offset] of [
      [changes[i], changes[i + 1]],
      [(changes[i] ?? 0) - 1, changes[i - 1]],
    ]) {
      if (at === undefined || offset === undefined) continue;
      const [, sign, hours, minutes, seconds = 0] = /GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(format.format(at * 1000)) ?? [];
      const shown = (sign === "-" ? -1 : 1) * (Number(hours ?? 0) * 3600 + Number(minutes ?? 0) * 60 + Number(seconds));
      if (shown !== offset) yield difference("offset at", at, shown, offset);
    }
  }
}

const DAY = 86_400;

/** By zoneinfo's changes: the first instant at which the clock shows `wall` or more. */
function firstOf(changes: readonly number[], wall: number): number {
  for (let i = 0; i < changes.length; i += 2) {
    const [from = 0, offset = 0, until = Number.POSITIVE_INFINITY] = changes.slice(i, i + 3);
    if (wall - offset < until) return Math.max(i === 0 ? wall - offset : from, wall - offset);
  }
  throw new Error("the last offset has no end");
}

test.run();
