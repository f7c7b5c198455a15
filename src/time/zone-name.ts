import { Temporal } from "temporal-polyfill";

/** Whether both Node and zoneinfo on the host know a zone of this name. zoneinfo opens a file: upper and lower case count. */
export function isTimeZone(name: string): boolean {
  return ownSpelling(name) === name && !dropped.test(name);
}

/** A zone's name in its own spelling, whatever the case of the letters; undefined when there is no such zone. */
export function ownSpelling(name: string): string | undefined {
  if (!/^[A-Za-z]/.test(name)) return undefined;
  try {
    return Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(name).timeZoneId;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Node knows these still; the time zone database has not had them since 2020. */
const dropped = /^(?:Canada\/East-Saskatchewan|US\/Pacific-New|SystemV\/.*)$/i;
