import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Problem } from "../../src/scrape/model.ts";
import { patternError } from "../../src/scrape/param/match-pattern.ts";
import { readPattern } from "../../src/scrape/param/python-pattern.ts";
import { readDag } from "../../src/scrape/read-dag.ts";
import { reportOn } from "../../src/scrape/report.ts";
import { parseYaml } from "../../src/scrape/yaml.ts";
import { seeded } from "../time/random.ts";
import { checkFiles, edited, weather, weatherYaml } from "./check-files.ts";

/** What is said about a text in the place of weather.yml: `code line:column`. Fails when it takes long; most take milliseconds. */
function problemsOf(text: string): Problem[] {
  const problems: Problem[] = [];
  const started = performance.now();
  readDag("weather", "scrapes/weather/weather.yml", text, reportOn("scrapes/weather/weather.yml", text, problems));
  const took = performance.now() - started;
  assert.ok(took < 3000, `took ${took} ms`);
  return problems;
}

function codes(text: string): string[] {
  return problemsOf(text).map(({ code, line, column }) => `${code} ${line}:${column}`);
}

const laughs = [
  "a: &a [x,x,x,x,x,x,x,x,x]",
  ..."bcdefghij".split("").map((name, index) => `${name}: &${name} [${Array(9).fill(`*${"abcdefghi"[index]}`).join(",")}]`),
].join("\n");
const merges = [
  "a: &a { x: 1, y: 2 }",
  ...Array.from({ length: 300 }, (_, index) => `m${index}: { <<: [${Array(400).fill("*a").join(",")}] }`),
].join("\n");

const hostile: readonly (readonly [string, string, string])[] = [
  ["aliases by the billion", laughs, "yaml-too-large"],
  ["merges by the hundred thousand", merges, "yaml-too-large"],
  ["a list 100,000 deep", "[".repeat(100_000), "yaml-too-deep"],
  ["a block list 100,000 deep", "- ".repeat(100_000), "yaml-too-deep"],
  ["maps 100,000 deep", "{a: ".repeat(100_000), "yaml-too-deep"],
  ["a million values", `[${"1,".repeat(400_000)}1]`, "yaml-too-large"],
  ["a value inside itself", "weather: &a\n  tasks: { b: *a }\n", "yaml-recursive"],
  ["a map that merges itself", "weather: &a\n  schedule: null\n  <<: *a\n", "yaml-recursive"],
  ["a list that holds itself", "weather: &a\n  - *a\n", "yaml-recursive"],
  ["a merge of a text", "weather:\n  <<: text\n  tasks: {}\n", "yaml-merge"],
  ["an alias without an anchor", "weather:\n  owner: *nobody\n", "yaml-alias"],
  ["a tag that names code", "weather:\n  owner: !!js/function 'function () {}'\n", "yaml-tag"],
  ["a tag of Python", "weather:\n  owner: !!python/object/apply:os.system ['id']\n", "yaml-tag"],
  ["a custom tag", "weather: !vault\n  tasks: {}\n", "yaml-tag"],
  ["a tag that the value does not fit", "weather:\n  retries: !!int many\n", "yaml-tag"],
  ["a tag directive", "%TAG ! tag:example.com,2000:\n---\nweather: {}\n", "yaml-tag"],
  ["__proto__", "weather:\n  __proto__: { owner: x }\n", "yaml-key"],
  ["__proto__ in params", "weather:\n  params:\n    __proto__: { type: string }\n", "yaml-key"],
  ["a list as a key", "weather:\n  ? [a, b]\n  : c\n", "yaml-key"],
  ["a number as a key", "weather:\n  1: c\n", "yaml-key"],
  ["a key twice", "weather:\n  owner: a\n  owner: b\n", "yaml-duplicate-key"],
  ["two documents", "weather: {}\n---\nother: {}\n", "yaml-documents"],
  ["a number too large to hold", "weather:\n  retries: 123456789012345678901234567890\n", "yaml-number"],
  ["a number that is none", "weather:\n  retries: .nan\n", "yaml-number"],
  ["control characters", "weather:\n  owner: \u0007\n", "yaml-syntax"],
  ["a NUL", "weather:\n  owner: a\0b\n", "yaml-syntax"],
  ["a tab for indentation", "weather:\n\towner: a\n", "yaml-syntax"],
];

for (const [title, text, code] of hostile) {
  test(`${code}: ${title}`, () => {
    const found = problemsOf(text).map((problem) => problem.code);
    assert.ok(found.includes(code), `${code} is not among ${found.join(", ")}`);
  });
}

test("the faults of the YAML itself point at their line and column", () => {
  const text = "weather:\n  owner: a\n  owner: *nobody\n  tasks: !x {}\n  'a': { <<: b }\n";
  const faults = codes(text).filter((code) => code.startsWith("yaml-"));
  assert.equal(faults, ["yaml-alias 3:10", "yaml-duplicate-key 3:3", "yaml-tag 4:10", "yaml-merge 5:10"]);
});

test("keys that objects have by nature are unknown keys like others", () => {
  for (const key of ["constructor", "toString", "hasOwnProperty", "prototype"]) {
    assert.ok(codes(`weather:\n  ${key}: x\n`).includes("unknown-key 2:3"), key);
  }
});

test("params may be named like what objects have by nature", async () => {
  const text = edited([
    "  params:\n",
    "  params:\n    constructor: { type: string, default: a }\n    toString: { type: string, default: b }\n",
  ]);
  const { scrapes, problems } = await checkFiles({ weather: weather({ "weather.yml": text }) });
  assert.equal(problems, []);
  assert.equal(Object.keys(scrapes[0]?.dags[0]?.params ?? {}), ["constructor", "toString", "region"]);
});

test("hostile text in a message is one line in the text form", async () => {
  const { problems } = await checkFiles({
    weather: weather({ "weather.yml": edited(["  owner:", '  "evil\\n::error::\\e[31m": 1\n  owner:']) }),
  });
  assert.is(problems.length, 1);
  assert.is(problems[0]?.code, "unknown-key");
});

test("patterns that can take for ever are refused, and one that slips through is stopped", () => {
  for (const pattern of ["(a+)+$", "(a|a)*b", "(a*)*", "((a+)b?)+", "(?=a)b", "(a)\\1", "([a-z]+)*", "(x+x+)+y", "(.*a){20}", "["]) {
    assert.ok("message" in readPattern(pattern), pattern);
  }
  for (const pattern of ["^\\d{4}-(0[1-9]|1[0-2])$", "^[a-z]+(?:_x)?$", "^(green|yellow)$", "^[(+*)]+$", "a\\(b\\)+"])
    assert.ok("source" in readPattern(pattern), pattern);
  assert.match(patternError(".*.*.*.*.*x", "a".repeat(9999)) ?? "", /takes too long/);
});

test("no change to a right file makes the checker fail, hang or point outside the file", () => {
  const random = seeded(20260101).below;
  const pieces = [
    "<<: *a",
    "&a ",
    "*a",
    "- ",
    ": ",
    "{",
    "}",
    "[",
    "]",
    '"',
    "'",
    "\n",
    "\t",
    "|",
    ">",
    "!!str ",
    "? ",
    "null",
    "{{",
    "\u2028",
    "#",
    "---\n",
    "%",
    "0x",
    "\ud83d\ude00",
  ];
  const started = performance.now();
  for (let round = 0; round < 400; round++) {
    let text = weatherYaml;
    for (let change = 0; change <= random(3); change++) {
      const at = random(text.length);
      text = text.slice(0, at) + (pieces[random(pieces.length)] ?? "") + text.slice(at + random(6));
    }
    const lines = text.split(/\r\n|\n|\r/);
    for (const { line, column, code, message } of problemsOf(text)) {
      const length = lines[line - 1]?.length ?? -1;
      assert.ok(line >= 1 && column >= 1 && column <= length + 1, `${code} ${message} at ${line}:${column} of\n${text}`);
    }
  }
  assert.ok(performance.now() - started < 30_000);
});

test("too-many-problems: a file full of slips is not searched for what each of them meant", () => {
  const names = (prefix: string, count: number): string => Array.from({ length: count }, (_, index) => `${prefix}_${index}`).join(",");
  const tasks = Array.from({ length: 490 }, (_, index) => `    extract_${index}: { dependencies: [${names(`extrct_${index}`, 80)}] }`);
  const found = problemsOf(`weather:\n  tasks:\n${tasks.join("\n")}\n`);
  assert.is(found.length, 501);
  assert.is(found.at(-1)?.code, "too-many-problems");
});

test("a DAG of 490 tasks that all depend on those before them is checked at once", () => {
  const before = (index: number): string => Array.from({ length: Math.min(index, 90) }, (_, step) => `t_${index - step - 1}`).join(",");
  const tasks = Array.from({ length: 490 }, (_, index) => {
    const kind = index % 2 === 1 ? "load" : "transform";
    return `    t_${index}: { kind: ${kind}, file_extension: csv, latest_file_comparison_check: true, dependencies: [${before(index)}] }`;
  });
  assert.ok(problemsOf(`weather:\n  schedule: null\n  tasks:\n${tasks.join("\n")}\n`).length > 100);
});

test("values and places of a tree agree with its text", () => {
  const { root } = parseYaml("a: &x { b: 'c' }\nd:\n  <<: *x\n  e: 1\n");
  const d = root?.kind === "map" ? root.entries.get("d")?.value : undefined;
  const b = d?.kind === "map" ? d.entries.get("b") : undefined;
  assert.equal(b, { at: 8, value: { kind: "scalar", at: 11, value: "c" } });
});

test.run();
