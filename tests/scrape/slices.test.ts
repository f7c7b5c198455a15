import { test } from "uvu";
import * as assert from "uvu/assert";
import { UserError } from "../../src/errors.ts";
import type { Problem } from "../../src/scrape/model.ts";
import { slicesMeet } from "../../src/scrape/slice-overlap.ts";
import { slicePartsOf } from "../../src/scrape/slice-template.ts";
import { fillSlice } from "../../src/scrape/url-template.ts";
import { checkFiles, edited, type Files, weather, weatherYaml } from "./check-files.ts";

const slice = 'slice: "{region}-{year}-{month}-{day}"';
const schedule = 'schedule: "0 0 * * *"';
const load = "    load_rows:\n";

/** What is wrong with weather.yml after these edits, without what the checks of one task say. */
async function problemsOf(...edits: readonly (readonly [string, string])[]): Promise<Problem[]> {
  return (await checkFiles({ weather: weather({ "weather.yml": edited(...edits) }) })).problems;
}

async function codesOf(...edits: readonly (readonly [string, string])[]): Promise<string[]> {
  return (await problemsOf(...edits)).map(({ code }) => code);
}

for (const [cron, template] of [
  ["0 * * * *", "{region}-{date}"],
  ["0 * * * *", "{region}-{hour}"],
  ["*/30 * * * *", "{date}-{hour}"],
  ["0 9,18 * * *", "{year}-{month}-{day}"],
  ["0 0 * * *", "{region}-{year}-{month}"],
  ["0 0 * * 1", "{year}-{month}"],
  ["0 0 1,15 * *", "{year}-{month}"],
  ["0 0 1 * *", "{year}"],
  ["0 0 1 * *", "{month}"],
  ["0 0 1 1 *", "{month}-{day}"],
  // Only after more than a year, and after a month of hours.
  ["0 0 * * *", "{month}-{day}"],
  ["0 0 * * 1", "{month}-{day}"],
  ["0 * * * *", "{day}T{hour}"],
  ["0 * * * *", "{year}-{day}T{hour}"],
  ["0 0 28,29 2 *", "{year}"],
  ["0 6-8 1 1 *", "{date}"],
] as const) {
  test(`a slice ${template} of the schedule ${cron} is refused: a run would delete the rows of another`, async () => {
    const problems = await problemsOf([schedule, `schedule: "${cron}"`], [slice, `slice: "${template}"`]);
    assert.equal(
      problems.map(({ code }) => code),
      ["coarse-slice"],
    );
    assert.match(
      problems[0]?.message ?? "",
      /^the slice is the same for the runs of \d{4}-\S+ and \d{4}-\S+: each deletes the rows of the one before$/,
    );
  });
}

for (const [cron, template] of [
  ["0 * * * *", "{date}-{hour}"],
  ["0 9 28 * *", "{region}-{year}-{month}"],
  ["0 0 * * *", "{date}"],
  ["0 0 1 1 *", "{year}"],
  ["0 0 29 2 *", "{year}"],
  ["0 0 1 1 *", "{year}-{hour}"],
  ["0 6 1 */3 *", "{year}-{month}"],
  ["0 0 * * *", "{region}"],
] as const) {
  test(`a slice ${template} of the schedule ${cron} is right`, async () => {
    assert.equal(await codesOf([schedule, `schedule: "${cron}"`], [slice, `slice: "${template}"`]), []);
  });
}

const month = 'type: string, pattern: "^[0-9]{4}-(0[1-9]|1[0-2])$"';
const months = `    from: { ${month} }\n    to: { ${month} }\n`;
const eachMonth = [
  [schedule, "schedule: null\n  each_month: { from: from, to: to }"],
  ["  params:\n", `  params:\n${months}`],
] as const;

test("a DAG with each_month needs the month in its slice, and has no mode replace", async () => {
  assert.equal(await codesOf(...eachMonth), []);
  assert.equal(await codesOf(...eachMonth, [slice, 'slice: "{region}-{year}"']), ["coarse-slice"]);
  assert.equal(await codesOf(...eachMonth, [slice, 'slice: "{region}-{month}"']), ["coarse-slice"]);
  assert.equal(await codesOf(...eachMonth, ["mode: append\n", "mode: replace\n"], [`      ${slice}\n`, ""]), ["coarse-mode"]);
});

const free = ["  params:\n", "  params:\n    x: { type: string, default: a }\n    y: { type: string, default: b }\n"] as const;

for (const [template, right] of [
  ["{x}{y}", false],
  ["{x}{year}-{month}-{day}.{y}", false],
  ["{region}-{x}{date}{y}", false],
  ["{date}{x}", true],
  ["{x}{date}", true],
  ["{x}.{date}.{y}", true],
  ["{x}_{y}.{date}", true],
] as const) {
  test(`values that can run into each other in a slice are ${right ? "not found in" : "refused in"} ${template}`, async () => {
    assert.equal(await codesOf(free, [slice, `slice: "${template}"`], [schedule, "schedule: null"]), right ? [] : ["slice"]);
  });
}

test("a known value that holds the character after it is refused", async () => {
  const hyphens: readonly (readonly [string, string])[] = [
    free,
    ["default: north\n", "default: far-north\n"],
    ["[north, south]", "[far-north, south]"],
  ];
  assert.equal(await codesOf(...hyphens, [slice, 'slice: "{region}-{x}.{date}"']), ["slice"]);
  assert.equal(await codesOf(...hyphens, [slice, 'slice: "{region}.{x}.{date}"']), []);
});

test("a slice is not filled with values that another pair of values would fill it with, too", () => {
  assert.is(fillSlice("{x}-{y}", { x: "a", y: "b-c" }), "a-b-c");
  assert.throws(
    () => fillSlice("{x}-{y}", { x: "a-b", y: "c" }),
    (error: Error) => error instanceof UserError && /`-` stands after it/.test(error.message),
  );
  assert.is(fillSlice("{x}-{year}-{month}", { x: "a-b", year: "2023", month: "01" }), "a-b-2023-01");
});

test("two loads that can write the same slice are refused, in one DAG and in two", async () => {
  const second = (template: string): string => `${load.replace("load_rows", "load_again")}      <<: *load\n      slice: "${template}"\n`;
  const twice = (template: string) =>
    codesOf(
      [load, "    load_rows: &load\n"],
      ["      dependencies: [transform_rows]\n", `      dependencies: [transform_rows]\n${second(template)}`],
    );
  for (const same of ["{region}-{date}", "north-{year}-{month}-{day}"]) assert.equal(await twice(same), ["same-slice"], same);
  for (const other of ["{region}.{date}", "east-{date}", "again-{region}-{date}"]) assert.equal(await twice(other), [], other);
  const others = (changes: readonly (readonly [string, string])[]): Promise<string[]> => twoDags(changes);
  assert.equal(await others([["dataset_name: weather", "dataset_name: weather"]]), [], "the same functions, URL and params");
  assert.equal(await others([["{year}-{month}-{day}.csv", "{year}{month}{day}.csv"]]), ["same-slice"]);
  const param = "    unit: { type: string, default: metric }\n";
  assert.equal(await others([["  params:\n", `  params:\n${param}`]]), ["same-slice"], "a param that the slice does not name");
  assert.equal(await others([["default: north", "default: south"]]), [], "a default of a param that the slice names");
  assert.equal(await others([["  catchup: false\n", "  timezone: Asia/Tokyo\n"]]), ["same-slice"], "days of another time zone");
  assert.equal(await others([[schedule, 'schedule: "0 0 * * 1"']]), ["same-slice"], "weeks beside days");
  assert.equal(await others([[schedule, "schedule: null"]]), [], "the same days on demand");
  assert.equal(
    await others([
      ["{year}-{month}-{day}.csv", "{year}{month}{day}.csv"],
      [slice, 'slice: "other-{region}-{date}"'],
    ]),
    [],
  );
});

test("a load adopts what no load has any more, and slices of the same variables only", async () => {
  const adopts = (list: string, ...more: readonly (readonly [string, string])[]) =>
    codesOf([`      ${slice}\n`, `      ${slice}\n      adopts: ${list}\n`], ...more);
  assert.equal(await adopts("[{ dag: old_weather }]"), []);
  assert.equal(await adopts("[{ task: load_old }]"), []);
  assert.equal(await adopts('[{ slice: "{region}.{date}" }, { slice: "{year}{month}{day}-{region}" }]'), []);
  assert.equal(await adopts("[{ task: load_rows }]"), ["adopts"]);
  assert.equal(await adopts('[{ slice: "{region}-{year}" }]'), ["adopts"], "coarser");
  assert.equal(await adopts('[{ slice: "{region}-{date}-{hour}" }]'), ["adopts"], "finer");
  assert.equal(await adopts('[{ slice: "{date}" }]'), ["adopts"], "for all regions");
  assert.equal(await adopts('[{ slice: "{region}-{date}" }]'), ["adopts"], "its own");
  assert.equal(await adopts('[{ dag: a, slice: "{region}.{date}" }]'), ["adopts"]);
  assert.equal(await adopts('[{ slice: "{region}.{date}" }]', [slice, "max_bad_rows: 0"]).catch((error: Error) => error.message), [
    "adopts",
  ]);
});

test("whether two templates can name the same slice is found out for text that a variable holds", () => {
  const parts = (text: string, params = {}) =>
    slicePartsOf({ params: { x: { type: "string" } } }, { mode: { kind: "append", slice: text }, params });
  for (const [one, other, meet] of [
    ["{x}", "a-2023", true],
    ["{x}-2023", "a-{year}", true],
    ["{x}-a", "{x}-b", false],
    ["a{x}", "{x}b", true],
    ["{year}-{month}", "2023-13", false],
    ["{year}{month}", "{date}", false],
    ["{hour}", "02B", true],
  ] as const) {
    assert.is(slicesMeet(parts(one), parts(other)), meet, `${one} ${other}`);
    assert.is(slicesMeet(parts(other), parts(one)), meet, `${other} ${one}`);
  }
  assert.is(slicesMeet(parts("{x}-{date}", { x: "green" }), parts("{x}-{date}", { x: "yellow" })), false);
});

test("a param overwrite_newer is a boolean that is false unless a person sets it", async () => {
  const param = (spec: string) => codesOf(["  params:\n", `  params:\n    overwrite_newer: ${spec}\n`]);
  assert.equal(await param("{ type: boolean, default: false }"), []);
  assert.equal(await param("{ type: boolean, default: true }"), ["reserved-param"]);
});

test("of two DAGs in one folder, the hint says when they may share slices", async () => {
  const again = weatherYaml.replace(/^weather:/m, "weather_again:").replace("  catchup: false\n", "  timezone: Asia/Tokyo\n");
  const { problems } = await checkFiles({ weather: weather({ "weather_again.yml": again }) });
  assert.match(problems[0]?.hint ?? "", /in the same way: functions, URL, params and time zone, and one schedule at most\.$/);
});

/** weather.yml and a second DAG in its folder, which loads the same table with these changes. */
async function twoDags(changes: readonly (readonly [string, string])[]): Promise<string[]> {
  const again = changes.reduce((text, [from, to]) => text.replace(from, () => to), weatherYaml.replace(/^weather:/m, "weather_again:"));
  const files: Files = weather({ "weather_again.yml": again });
  return (await checkFiles({ weather: files })).problems.map(({ code }) => code);
}

test.run();
