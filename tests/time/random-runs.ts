import { type Cron, parseCron } from "../../src/time/cron.ts";
import { previousTime } from "../../src/time/cron-times.ts";
import { dueRuns } from "../../src/time/data-intervals.ts";
import { instantOf, wallClock } from "../../src/time/zone.ts";
import { changesAround } from "../../src/time/zone-offsets.ts";
import type { RunsCase, TimesCase } from "./ask-airflow.ts";
import type { Random } from "./random.ts";
import { randomCron } from "./random-cron.ts";

/** Half hours, changes by half an hour, at midnight, back in summer, over the date line. */
const zones = [
  ...["UTC", "UTC", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kolkata", "Asia/Kathmandu", "America/St_Johns"],
  ...["Africa/Cairo", "America/Santiago", "America/Asuncion", "Asia/Beirut", "Pacific/Apia", "Pacific/Chatham", "America/Sao_Paulo"],
  ...["Europe/Dublin", "Antarctica/Troll", "Asia/Tehran", "Atlantic/Azores"],
];

const MINUTE = 60_000;
const DAY = 1440 * MINUTE;

/** Expressions that are taken, each with moments, most of them near a change of the clocks. */
export function randomTimes(random: Random, count: number): { times: TimesCase[]; refused: string[] } {
  const [times, refused]: [TimesCase[], string[]] = [[], []];
  while (times.length < count) {
    const cron = parseCron(randomCron(random));
    if ("message" in cron) {
      refused.push(cron.hint);
      continue;
    }
    const zone = random.pick(zones);
    times.push({ expression: cron.expression, zone, moments: Array.from({ length: 3 }, () => randomMoment(random, zone)) });
  }
  return { times, refused };
}

function randomMoment(random: Random, zone: string): number {
  const moment = Date.UTC(1995, 0) + random.below(42 * 365 * 1440) * MINUTE;
  const changes = changesAround(moment, zone);
  if (changes.length === 0 || random.chance(0.3)) return moment + (random.chance(0.3) ? random.below(MINUTE) : 0);
  return random.pick(changes).at + (random.below(400) - 200) * MINUTE + random.pick([0, 0, 1000, -1]);
}

/** A DAG's state at a moment: without a run before, or after one of the same or of another schedule, in the same or another zone. */
export function randomRuns(random: Random, times: readonly TimesCase[]): RunsCase[] {
  return times.map(({ expression, zone, moments: [now = 0] }): RunsCase => {
    const cron = cronOf(expression);
    let start = wallClock(now, zone);
    for (let ticks = random.below(14); ticks > 0; ticks--) start = previousTime(cron, start);
    const earliest = instantOf(start + random.pick([0, 0, 1000, -1000, MINUTE, -MINUTE, 60 * MINUTE]), zone, "second");
    const latest = random.chance(0.25) ? earliest + Math.floor(((now - earliest) * random.below(150)) / 100) : null;
    const given = { expression, zone, earliest, latest, catchup: random.chance(0.5), now };
    const last = random.chance(0.5) ? lastOf(random, random.pick(times), zone, now) : null;
    // Airflow takes a millisecond for each run.
    const few = dueRuns({ cron, zone }, given, last && { start: last[0], end: last[1] }, now).count < 40;
    return { ...given, last: few ? last : null };
  });
}

function lastOf(random: Random, of: TimesCase, zone: string, now: number): RunsCase["last"] {
  const timetable = { cron: cronOf(of.expression), zone: random.chance(0.7) ? zone : of.zone };
  const { last } = dueRuns(timetable, { earliest: now - random.below(400) * DAY, latest: null, catchup: random.chance(0.5) }, null, now);
  return last && [last.start, last.end];
}

export function cronOf(expression: string): Cron {
  const cron = parseCron(expression);
  if ("message" in cron) throw new Error(`${expression}: ${cron.message}`);
  return cron;
}
