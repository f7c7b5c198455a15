import type { Random } from "./random.ts";

const fields = [
  { low: 0, high: 59, names: [] },
  { low: 0, high: 23, names: [] },
  { low: 1, high: 31, names: [] },
  { low: 1, high: 12, names: ["jan", "FEB", "Mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"] },
  { low: 0, high: 6, names: ["sun", "MON", "Tue", "wed", "thu", "fri", "sat"] },
] as const;

/** An expression over all of cron's syntax, what is refused too; some of it is none. */
export function randomCron(random: Random): string {
  return fields.map((_field, index) => randomField(random, index)).join(" ");
}

function randomField(random: Random, index: number): string {
  // Most real schedules have a fixed minute and hour, and stars after them.
  if (random.chance(index >= 2 ? 0.6 : index === 1 ? 0.3 : 0.12)) return "*";
  if (index === 2 && random.chance(0.08)) return random.pick(["L", "l", "15W", "*/1", "1-31", "?"]);
  if (index === 4 && random.chance(0.2))
    return random.pick([nth(random), `${nth(random)},${nth(random)}`, "7", "L5", "*/1", "0-6", "MON-SUN", "0-7", "?"]);
  return Array.from({ length: random.chance(0.25) ? 2 + random.below(3) : 1 }, () => randomPart(random, index)).join(",");
}

function nth(random: Random): string {
  return `${random.pick(["0", "1", "5", "7", "mon", "FRI", "sun", "1-5"])}#${random.below(7)}`;
}

function randomPart(random: Random, index: number): string {
  const { low, high } = fields[index] ?? fields[0];
  const step = (): number => (random.chance(0.05) ? random.below(80) : 1 + random.below(Math.ceil((high - low) / 2)));
  const value = (): string => randomValue(random, index);
  switch (random.below(8)) {
    case 0:
      return `*/${step()}`;
    case 1:
    case 2:
      return `${value()}-${value()}`;
    case 3: {
      const [from, to] = [low + random.below(high - low), low + random.below(high - low)];
      return `${Math.min(from, to)}-${Math.max(from, to)}/${step()}`;
    }
    case 4:
      return random.chance(0.2) ? `${value()}/${step()}` : random.chance(0.1) ? `${value()}-${value()}/${step()}` : value();
    default:
      return value();
  }
}

function randomValue(random: Random, index: number): string {
  const { low, high, names } = fields[index] ?? fields[0];
  if (names.length > 0 && random.chance(0.5)) return random.pick(names);
  const number = low + random.below(high - low + (index === 4 ? 2 : 1));
  if (random.chance(0.02)) return String(high + 1);
  return random.chance(0.1) ? String(number).padStart(2, "0") : String(number);
}
