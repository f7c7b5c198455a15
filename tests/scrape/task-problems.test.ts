import { test } from "uvu";
import * as assert from "uvu/assert";
import { checkFiles, edited, places, weather, weatherYaml } from "./check-files.ts";
import { slip, testSlips } from "./slips.ts";

const schedule = 'schedule: "0 0 * * *"';
const region = "      type: string\n      title: Region\n      default: north\n      enum: [north, south]\n";

testSlips([
  slip(
    "a task whose kind nobody says",
    "extract_rows:\n",
    "fetch_rows:\n",
    "no-kind",
    "fetch_rows",
    /extract_, transform_ or load_/,
    "unknown-dependency",
  ),
  slip(
    "fields of a transform",
    "callable: transform\n",
    "callable: transform\n      fields: [{ name: a, type: TEXT }]\n",
    "key-of-other-kind",
    "fields: [",
    /transform/,
  ),
  slip(
    "a transform that waits for data",
    "callable: transform\n",
    "callable: transform\n      wait_for_data: 1d\n",
    "key-of-other-kind",
    "wait_for_data",
    /transform/,
  ),
  slip(
    "a wait that is no duration",
    "callable: extract\n",
    "callable: extract\n      wait_for_data: two months\n",
    "duration",
    "two months",
    /90d|1d/,
  ),
  slip("a dependency with a slip", "[extract_rows]", "[extract_row]", "unknown-dependency", "extract_row]", /Did you mean `extract_rows`/),
  slip(
    "a task that leads nowhere",
    "    extract_rows:\n",
    "    extract_more:\n      callable: extract\n      file_extension: csv\n    extract_rows:\n",
    "dangling-task",
    "extract_more",
    /leads nowhere/,
  ),
  slip(
    "a load without an upstream",
    "      dependencies: [transform_rows]\n",
    "",
    "no-upstream",
    "load_rows",
    /no upstream/,
    "dangling-task",
  ),
  slip(
    "a transform without an input",
    "      dependencies: [extract_rows]\n",
    "",
    "no-upstream",
    "transform_rows",
    /no input/,
    "dangling-task",
  ),
  slip(
    "a task after a load",
    "      dependencies: [extract_rows]\n",
    "      dependencies: [extract_rows, load_rows]\n",
    "depends-on-load",
    "load_rows]",
    /makes no file/,
    "cycle",
  ),
  slip(
    "a load of a file that is no table",
    "callable: transform\n      file_extension: csv",
    "callable: transform\n      file_extension: zip",
    "not-a-table-file",
    "transform_rows]",
    /csv, parquet, ndjson/,
    "comparison-check",
  ),
  slip(
    "a load fed past the comparison check",
    "[transform_rows]\n",
    "[transform_rows, extract_rows]\n",
    "comparison-check",
    "latest_file_comparison_check",
    /rows of `extract_rows` would be lost/,
  ),
  slip("a table in upper case", "dataset_name: weather", "dataset_name: Weather", "table-name", "Weather", /Lower-case/),
  slip("a table with its schema", "dataset_name: weather", "dataset_name: public.weather", "table-name", "public.weather", /no schema/),
  slip("a type with a slip", "type: BIGINT", "type: BIGNIT", "field-type", "BIGNIT", /Did you mean `BIGINT`/),
  slip("a type of another database", "type: BIGINT", "type: datetime", "field-type", "datetime", /TIMESTAMP/),
  slip("too many digits", '"NUMERIC(12,2)"', '"NUMERIC(39,2)"', "field-type", '"NUMERIC(39,2)"', /38/),
  slip("a field twice", "name: amount", "name: ID", "duplicate-field", "ID", /written twice/),
  slip("a field with a space", "name: amount", 'name: "Amount due"', "field-name", '"Amount due"', /`amount_due`/),
  slip("a field that every table has", "name: amount", "name: _load_id", "reserved-field", "_load_id", /by itself/),
  slip("a field of PostgreSQL's own", "name: amount", "name: xmin", "reserved-field", "xmin", /system column/),
  slip("a key without upsert", "mode: append", "mode: append\n      key: [id]", "key-without-upsert", "key: [id]", /mode: upsert/),
  slip("a slice without append", "mode: append", "mode: replace", "slice-without-append", "slice:", /mode: append/),
  {
    title: "a key that is no field",
    edits: [
      ["mode: append", "mode: upsert\n      key: [ident]"],
      ['      slice: "{region}-{year}-{month}-{day}"\n', ""],
    ],
    code: "key-not-a-field",
    on: "ident]",
    says: /not among the fields/,
  },
  {
    title: "each_month of no param",
    edits: [
      ["catchup: false", "each_month: { from: from_mont, to: from_month }"],
      [region, `${region}    from_month: { type: string, pattern: '^\\d{4}-(0[1-9]|1[0-2])$', default: 2024-01 }\n`],
    ],
    code: "each-month",
    on: "from_mont,",
    says: /Did you mean `from_month`/,
  },
  {
    title: "each_month over more months than Airflow maps a task over",
    edits: [
      ["catchup: false", "each_month: { from: first, to: last }"],
      [
        region,
        `${region}    first: { type: string, pattern: '^[0-9]{4}-(0[1-9]|1[0-2])$', default: 1938-08 }\n    last: { type: string, pattern: '^[0-9]{4}-(0[1-9]|1[0-2])$', default: 2023-12 }\n`,
      ],
    ],
    code: "each-month",
    on: "first,",
    says: /has 1025 months, and Airflow maps a task over 1024 at most/,
  },
  slip(
    "each_month of a param that is no month",
    "catchup: false",
    "each_month: { from: region, to: region }",
    "each-month",
    "region,",
    /pattern/,
  ),
  slip("several DAGs in a file", weatherYaml, `${weatherYaml}other: {}\n`, "several-keys", "other:", /one DAG/),
  slip("a DAG of another name", "\nweather:", "\nwether:", "file-name", "wether:", /wether\.yml/),
  slip("a callable with a slip", "callable: extract\n", "callable: extrakt\n", "unknown-callable", "extrakt", /Did you mean `extract`/),
  slip("a module that is not there", "functions.ts", "function.ts", "no-such-file", "function.ts", /Did you mean `functions\.ts`/),
  slip("a module outside", "functions.ts", "../other/functions.ts", "path-outside", "../other", /leaves the scrape/),
  slip("an absolute configuration", "config/config.json", "/etc/passwd", "path-outside", "/etc/passwd", /leaves/),
  slip("a NUL in a path", "config/config.json", '"config/a\\0.json"', "path-outside", '"config/a', /leaves/),
  slip("a configuration elsewhere", "config/config.json", "fixtures/sample.csv", "path-form", "fixtures/sample", /config\//),
  slip(
    "a configuration that is not there",
    "config/config.json",
    "config/confg.json",
    "no-such-file",
    "config/confg",
    /config\/config\.json/,
  ),
  slip("a table that nothing loads", schedule, "schedule: { assets: [wether] }", "unknown-table", "wether]", /Did you mean `weather`/),
  slip("a DAG that starts itself", schedule, "schedule: { assets: [weather] }", "cycle", "weather]", /weather -> weather/),
]);

test("tasks that wait for each other are shown as a cycle, at the dependency that closes it", async () => {
  const text = edited(["callable: extract\n", "callable: extract\n      dependencies: [transform_rows]\n"]);
  const { problems } = await checkFiles({ weather: weather({ "weather.yml": text }) });
  assert.equal(places(problems), ["cycle 26:22"]);
  assert.is(problems[0]?.message, "the tasks wait for each other: extract_rows -> transform_rows -> extract_rows");
});

test("every problem of a file is found in one run, in the order of its lines", async () => {
  const text = edited(
    ["catchup: false", "catchup: 1"],
    ["2024-01-01", "2024-13-01"],
    ["type: BIGINT", "type: BIG"],
    ["[extract_rows]", "[nothing]"],
  );
  const { problems } = await checkFiles({ weather: weather({ "weather.yml": text }) });
  assert.equal(places(problems), ["date 6:15", "wrong-type 7:12", "dangling-task 19:5", "unknown-dependency 25:22", "field-type 32:29"]);
});

test("a problem of a value that is merged into several tasks is shown once, where it is written", async () => {
  const text = edited(
    ["    load_rows:\n", "    load_rows: &load\n"],
    ["type: BIGINT", "type: BIG"],
    [
      "      dependencies: [transform_rows]\n",
      "      dependencies: [transform_rows]\n    load_again:\n      <<: *load\n      slice: again.{year}-{month}-{day}\n",
    ],
  );
  const { problems } = await checkFiles({ weather: weather({ "weather.yml": text }) });
  assert.equal(places(problems), ["field-type 32:29"]);
});

test.run();
