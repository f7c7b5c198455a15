import type { ParamCase } from "./ask-airflow.ts";
import type { Random } from "./random.ts";

type Spec = Readonly<Record<string, unknown>>;

const types = ["string", "integer", "number", "boolean", "array", "object"] as const;

/** Params as the YAML may have them, each with values that it takes, that it just takes, and that it does not. */
export function randomParams(random: Random, count: number): (ParamCase & { readonly schema: Spec })[] {
  return Array.from({ length: count }, () => {
    if (random.chance(0.4)) {
      const [pattern, text] = randomPattern(random);
      return { schema: { type: "string", pattern }, values: Array.from({ length: 4 }, () => randomText(random, text)) };
    }
    const schema = randomSpec(random);
    return { schema, values: Array.from({ length: 5 }, () => randomFor(schema, random)) };
  });
}

function randomSpec(random: Random): Spec {
  const type = random.pick(types);
  const some = (share: number, spec: () => Spec): Spec => (random.chance(share) ? spec() : {});
  if (type === "string" && random.chance(0.5)) return { type, format: random.pick(["date", "date-time", "time"]) };
  return {
    type: random.chance(0.7) ? type : [...new Set([type, random.pick(types), "null"])],
    ...some(0.15, () => ({ enum: Array.from({ length: 3 }, () => randomValue(random)) })),
    ...some(0.25, () => ({ minimum: random.pick([-1, 0, 0.5, 1, 10]) })),
    ...some(0.25, () => ({ maximum: random.pick([0, 1, 1.5, 10, 100]) })),
    ...some(0.2, () => ({ minLength: random.below(3) })),
    ...some(0.2, () => ({ maxLength: 1 + random.below(4) })),
    ...some(0.3, () => ({
      items: { type: random.pick(types.filter((one) => one !== "array")), ...some(0.5, () => ({ minimum: 1, maximum: 10 })) },
    })),
  };
}

function randomFor(schema: Spec, random: Random): unknown {
  if (Array.isArray(schema.enum) && random.chance(0.6)) return random.pick(schema.enum);
  if (schema.format !== undefined && random.chance(0.9)) return randomDate(random, schema.format);
  // Mostly one of the right type, so that the other keywords count.
  const values = Array.from({ length: 4 }, () => randomValue(random));
  return values.find((value) => isOfType(schema.type, value)) ?? values[0];
}

function isOfType(type: unknown, value: unknown): boolean {
  return [type].flat().includes(Array.isArray(value) ? "array" : value === null ? "null" : typeof value);
}

function randomValue(random: Random): unknown {
  const scalars = [
    null,
    true,
    false,
    0,
    1,
    -0,
    1.5,
    10,
    101,
    -3,
    1e15,
    0.1,
    "",
    "a",
    "abc",
    "😀",
    "e\u0301",
    "1",
    "true",
    "null",
    " ",
    "\n",
  ];
  if (random.chance(0.75)) return random.pick(scalars);
  const list = Array.from({ length: random.below(3) }, () => random.pick(scalars));
  return random.chance(0.6) ? list : { a: random.pick(scalars), b: list };
}

/** Dates and times, right ones and with something changed. */
function randomDate(random: Random, format: unknown): string {
  const year = random.pick(["2024", "2023", "1900", "2000", "0001", "0000", "20240"]);
  const date = `${year}-${random.pick(["01", "02", "04", "12", "13", "1"])}-${random.pick(["01", "28", "29", "30", "31", "00"])}`;
  const time = `${random.pick(["00", "08", "23", "24", "8"])}:${random.pick(["00", "59", "60"])}:${random.pick(["00", "59", "60", "61", "0"])}`;
  const zone = random.pick(["Z", "Z", "z", "", "+00:00", "-23:59", "+24:00", "+0100", " Z"]);
  const full = `${date}${random.pick(["T", "T", "T", " ", "t"])}${random.pick([time, "08:30:00"])}${random.pick(["", "", ".5", ".", ".123456789"])}${zone}`;
  const right = format === "date" ? date : format === "time" ? time : full;
  const written = random.chance(0.85) ? right : random.pick([date, time, `${time}Z`, full, "08:30", "12:13:14", "2024-W01-1", "20240131"]);
  return random.chance(0.04) ? `${written}\n` : random.chance(0.04) ? written.replace(/[0-9]/, "٣") : written;
}

/** A pattern beside a text that matches it. */
type Pair = readonly [pattern: string, text: string];

const plainAtoms: readonly Pair[] = [..."ab0_ é😀-/,'#&~@=<"].map((character) => [character, character]);
const atoms: readonly Pair[] = [
  ...plainAtoms,
  ...([
    [".", "x"],
    [".", "\r"],
    [".", "\u2028"],
    ["\\d", "7"],
    ["\\d", "٣"],
    ["\\w", "a"],
    ["\\w", "ß"],
    ["\\w", "½"],
    ["\\s", " "],
  ] as const),
  ...([
    ["\\s", "\u001c"],
    ["\\s", "\u00a0"],
    ["\\D", "a"],
    ["\\D", "\n"],
    ["\\W", "-"],
    ["\\W", "\u0301"],
    ["\\S", "\ufeff"],
    ["\\.", "."],
  ] as const),
  ...([
    ["\\-", "-"],
    ["\\/", "/"],
    ["\\n", "\n"],
    ["\\x41", "A"],
    ["\\u00e9", "é"],
    ["[a-c]", "b"],
    ["[^a]", "\n"],
    ["[a-]", "-"],
    ["[-a]", "a"],
  ] as const),
  ...([
    ["[\\d_]", "_"],
    ["[^\\w]", "😀"],
    ["[\\W\\d]", "1"],
    ["[^\\S ]", "\t"],
    ["[a\\-z]", "-"],
    ["[.]", "."],
    ["[$^]", "$"],
    ["[^^]", "a"],
  ] as const),
  ...([
    ["[\\]a]", "]"],
    ["[é-ü]", "ê"],
    ["[a\\s]", "\u2003"],
    ["[(]", "("],
    ["[😀-😂]", "😁"],
    ["[|a]", "|"],
    ["[&a]", "&"],
    ["[~]", "~"],
    ["$", ""],
    ["^", ""],
  ] as const),
];
const odd = [
  "(?i)a",
  "(?=a)",
  "(?<n>a)",
  "(?P<n>a)",
  "\\1",
  "\\A",
  "\\Z",
  "\\b",
  "\\B",
  "\\p{L}",
  "{",
  "}",
  "]",
  "[]a]",
  "[[]",
  "[a--b]",
  "[a&&b]",
];
const odder = [
  "a{,3}",
  "a*+",
  "a{2}{3}",
  "(a+)+",
  "\\ud83d",
  "\\u{1f600}",
  "\\q",
  "[\\d-z]",
  "[z-a]",
  "^*",
  "*",
  "(?#c)",
  "\\0",
  "\\cA",
  "[^]",
  "[]",
];
const repetitions = [
  ["*", 0],
  ["*", 3],
  ["+", 2],
  ["?", 0],
  ["{2}", 2],
  ["{1,2}", 1],
  ["{1,}", 3],
  ["*?", 1],
  ["+?", 1],
  ["{0,2}", 0],
] as const;

/** Over the syntax of `re`, some of what is refused too. */
function randomPattern(random: Random): Pair {
  const [pattern, text] = choice(random, 0);
  return [`${random.chance(0.6) ? "^" : ""}${pattern}${random.chance(0.6) ? "$" : ""}`, text];
}

function choice(random: Random, depth: number): Pair {
  const [one, other] = [sequence(random, depth), sequence(random, depth)];
  return random.chance(0.2) ? [`${one[0]}|${other[0]}`, random.pick([one, other])[1]] : one;
}

function sequence(random: Random, depth: number): Pair {
  const parts = Array.from({ length: 1 + random.below(3) }, () => repeated(random, depth));
  return [parts.map(([pattern]) => pattern).join(""), parts.map(([, text]) => text).join("")];
}

function repeated(random: Random, depth: number): Pair {
  const [pattern, text] = atom(random, depth);
  if (random.chance(0.7)) return [pattern, text];
  const [repetition, times] = random.pick(repetitions);
  return [`${pattern}${repetition}`, text.repeat(times)];
}

function atom(random: Random, depth: number): Pair {
  if (random.chance(0.03)) return [random.pick([...odd, ...odder]), "a"];
  if (depth > 1 || random.chance(0.85)) return random.pick(atoms);
  const [pattern, text] = choice(random, depth + 1);
  return [`(${random.chance(0.5) ? "?:" : ""}${pattern})`, text];
}

/** A text that matches, or one with something changed. */
function randomText(random: Random, matching: string): string {
  if (random.chance(0.4)) return matching;
  const characters = [...matching];
  const [, other] = random.pick(atoms);
  characters.splice(random.below(characters.length + 1), random.below(2), random.pick([other, "\n", "\u2028", "x"]));
  return characters.join("");
}
