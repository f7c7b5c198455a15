import { Temporal } from "temporal-polyfill";
import { changesAround, offsetAt } from "./zone-offsets.ts";

export { offsetAt };

/*
 * The one place that turns an instant into what a clock in a time zone shows, and back.
 * An instant is in milliseconds since 1970-01-01T00:00Z. A wall time is a date and a time of day without a zone, as the milliseconds that
 * they would be in UTC, so that it can be counted with: 02:30 on 8 September 2024 is `Date.UTC(2024, 8, 8, 2, 30)`.
 */

/** What a clock in the zone shows at an instant, as a wall time. */
export function wallClock(instant: number, zone: string): number {
  return instant + offsetAt(instant, zone);
}

/**
 * The instant at which a clock in the zone shows a wall time. Of one that comes twice in autumn it is the first unless the second is asked for;
 * one that is skipped in spring is read with the offset of before the jump: 02:30 is 03:30.
 * Airflow skips so, too, and takes the second of two (pendulum's Timezone.convert with fold=1).
 */
export function instantOf(wall: number, zone: string, which: "first" | "second" = "first"): number {
  if (zone === "UTC") return wall;
  // No zone is more than a day from UTC, nor jumps by more.
  const near = changesAround(wall, zone).filter(({ at }) => Math.abs(at - wall) <= 2 * DAY);
  const offset = offsetAt(wall, zone);
  if (near.length === 0) return wall - offset;
  const offsets = [offset, ...near.flatMap(({ before, after }) => [before, after])];
  const instants = offsets.map((one) => wall - one).filter((instant) => wallClock(instant, zone) === wall);
  if (instants.length > 0) return which === "first" ? Math.min(...instants) : Math.max(...instants);
  const skipping = near.find(({ at, before, after }) => at + before <= wall && wall < at + after);
  return wall - (skipping?.before ?? offset);
}

/** The first instant at which a clock in the zone shows a wall time or a later one. Of a time that is skipped it is the jump. */
export function firstInstant(wall: number, zone: string): number {
  const instant = instantOf(wall, zone);
  if (wallClock(instant, zone) === wall) return instant;
  return changesAround(wall, zone).findLast(({ at }) => at <= instant)?.at ?? instant;
}

/** Whether a clock in the zone has shown this instant's wall time before. */
export function isSecond(instant: number, zone: string): boolean {
  return instantOf(wallClock(instant, zone), zone) < instant;
}

/** An instant as a clock in the zone shows it, to the minute: `2024-09-10T23:00-03:00`. */
export function clockText(instant: number, zone: string): string {
  return Temporal.Instant.fromEpochMilliseconds(instant)
    .toZonedDateTimeISO(zone)
    .toString({ smallestUnit: "minute", timeZoneName: "never" });
}

const DAY = 86_400_000;
