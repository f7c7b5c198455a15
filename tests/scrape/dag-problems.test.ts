import { test } from "uvu";
import * as assert from "uvu/assert";
import { checkFiles, edited, places, weather, weatherYaml } from "./check-files.ts";

/** A right DAG file with one slip; what is said about it and where: `on` is the text that the problem points at. */
interface Case {
  readonly title: string;
  readonly edits: readonly (readonly [string, string])[];
  readonly code: string;
  readonly on: string;
  readonly says: RegExp;
  /** Other problems that follow from the same slip. */
  readonly also?: readonly string[];
}

const owner = "  owner: data-platform\n";
const schedule = 'schedule: "0 0 * * *"';
const region = "      type: string\n      title: Region\n      default: north\n      enum: [north, south]\n";

function slip(title: string, from: string, to: string, code: string, on: string, says: RegExp, ...also: string[]): Case {
  return { title, edits: [[from, to]], code, on, says, also };
}

const cases: readonly Case[] = [
  slip("an unknown key of the DAG", owner, `${owner}  descripton: x\n`, "unknown-key", "descripton", /Did you mean `description`/),
  slip("an unknown key of a task", "callable: extract", "callable: extract\n      pol: x", "unknown-key", "pol", /Did you mean `pool`/),
  slip(
    "schedule_interval",
    schedule,
    'schedule_interval: "@daily"\n  schedule: "@daily"',
    "renamed-key",
    "schedule_interval",
    /called `schedule`/,
  ),
  slip(
    "python_callable",
    "callable: extract",
    "callable: extract\n      python_callable: extract",
    "renamed-key",
    "python_callable",
    /called `callable`/,
  ),
  slip(
    "python_callable_file",
    owner,
    `${owner}  python_callable_file: f.py\n`,
    "renamed-key",
    "python_callable_file",
    /called `callable_file`/,
  ),
  slip("depends_on", "callable: extract", "callable: extract\n      depends_on: []", "renamed-key", "depends_on", /called `dependencies`/),
  slip("table", "dataset_name: weather", "dataset_name: weather\n      table: x", "renamed-key", "table: x", /called `dataset_name`/),
  slip("default_args", owner, `${owner}  default_args: {}\n`, "renamed-key", "default_args", /on the DAG itself/),
  slip("the text None as a schedule", schedule, "schedule: 'None'", "schedule", "'None'", /schedule: null/),
  slip("the text None as an end", "catchup: false", "catchup: false\n  end_date: None", "date", "None", /write null/),
  slip("the text None as a number", "catchup: false", "max_active_runs: None", "wrong-type", "None", /Write null/),
  slip("no owner", owner, "", "missing-key", "weather:", /no `owner`.*answers for it/s),
  slip("no schedule", `  ${schedule}\n`, "", "missing-key", "weather:", /no `schedule`/),
  slip("a schedule without a start", "  start_date: 2024-01-01\n", "", "missing-key", "weather:", /needs a `start_date`/),
  slip("a load without a mode", "      mode: append\n", "", "missing-key", "load_rows:", /append.*replace.*upsert/s),
  slip("an extract without a callable", "      callable: extract\n", "", "missing-key", "extract_rows:", /no `callable`/),
  slip("a flag that is text", "catchup: false", 'catchup: "no"', "wrong-type", '"no"', /true or false, not "no"/),
  slip("a list that is text", "tags: [synthetic]", "tags: synthetic", "wrong-type", "synthetic", /a list, not "synthetic"/),
  slip("a number that is too small", "catchup: false", "retries: -1", "wrong-value", "-1", /at least 0/),
  slip("a mode that is none", "mode: append", "mode: apend", "wrong-value", "apend", /append, replace or upsert.*Did you mean `append`/s),
  slip(
    "a task id with a hyphen",
    "extract_rows:",
    "extract_rows: &x\n      kind: extract\n      callable: extract\n      file_extension: csv\n    extract-b:",
    "wrong-value",
    "extract-b",
    /letters, digits and underscores/,
    "dangling-task",
  ),
  slip(
    "a file extension with a dot",
    "file_extension: csv\n    transform",
    "file_extension: .tsv\n    transform",
    "wrong-value",
    ".tsv",
    /without the leading dot/,
  ),
  slip("a tag twice", "[synthetic]", "[a, b, a]", "wrong-value", "[a, b, a]", /item 1 and item 3/),
  slip("a preset with a slip", '"0 0 * * *"', '"@dialy"', "schedule", '"@dialy"', /Did you mean `@daily`/),
  slip("a cron expression with seconds", '"0 0 * * *"', '"0 0 0 * * *"', "schedule", '"0 0 0 * * *"', /five fields, not 6/),
  slip("a cron hour that is none", '"0 0 * * *"', '"0 24 * * *"', "schedule", '"0 24 * * *"', /hour/),
  slip("a day that never comes", '"0 0 * * *"', '"0 0 31 2 *"', "schedule", '"0 0 31 2 *"', /never comes/),
  slip("30 February", "2024-01-01", "2023-02-30", "date", "2023-02-30", /not a day of the calendar/),
  slip("a date with an offset", "2024-01-01", "2024-01-01T00:00:00Z", "date", "2024-01-01T", /`timezone`/),
  slip("an end before the start", "catchup: false", "end_date: 2023-12-31", "date-order", "2023-12-31", /before `start_date`/),
  slip(
    "a time zone with a slip",
    "catchup: false",
    "timezone: Europe/Berlim",
    "timezone",
    "Europe/Berlim",
    /Did you mean `Europe\/Berlin`/,
  ),
  slip("a time zone in lower case", "catchup: false", "timezone: europe/berlin", "timezone", "europe/berlin", /Europe\/Berlin/),
  slip("a duration with a slip", "catchup: false", "retry_delay: 5 min", "duration", "5 min", /"5m"/),
  slip("a mail address without a host", "catchup: false", "email: [data@]", "email", "data@", /name@example\.com/),
  slip("a line break in a mail address", "catchup: false", 'email: ["a@b.c\\nBcc: d@e.f"]', "email", '"a@b.c', /not an e-mail/),
  slip("mail to nobody", "catchup: false", "email_on_failure: true", "email", "email_on_failure", /nobody/),
  slip("http", "https://data", "http://data", "url", "http://data", /https/),
  slip("a variable in the host", "https://data.example.com", "https://{region}.example.com", "url", "https://{region}", /host/),
  slip("credentials in the URL", "https://data", "https://me:secret@data", "url", "https://me", /credentials/),
  slip("a scheme that is none", "https://data", "file://data", "url", "file://data", /https:\/\//),
  slip("a variable nobody gives", "{year}-{month}-{day}.csv", "{yaer}.csv", "unknown-variable", "https://data", /Did you mean `year`/),
  slip("a brace by itself", "{day}.csv", "{day.csv", "template", "https://data", /brace/),
  slip("a slice with a slash", '"{region}-{year}', '"{region}/{year}', "slice", '"{region}/', /letters, digits/),
  slip(
    "a slice with an unknown variable",
    '"{region}-{year}',
    '"{reglon}-{year}',
    "unknown-variable",
    '"{reglon}',
    /Did you mean `region`/,
  ),
  slip("a param without a default", "      default: north\n", "", "missing-default", "region:\n", /Give it a `default`/),
  slip(
    "a param of a type that is none",
    "type: string",
    "type: sting",
    "wrong-value",
    "sting",
    /Did you mean `string`/,
    "unknown-variable",
  ),
  slip("a choice twice", "[north, south]", "[north, north]", "wrong-value", "[north, north]", /same item twice/),
  slip("a default outside the enum", "default: north", "default: nort", "param-value", "nort\n", /default of `region`/),
  slip("a default of another type", region, "      type: integer\n      default: x\n", "param-value", "x\n", /integer/),
  slip(
    "a default that is no date",
    region,
    "      type: string\n      format: date\n      default: 2023-02-30\n",
    "param-value",
    "2023-02-30",
    /date/,
  ),
  slip(
    "a default that its pattern refuses",
    region,
    '      type: string\n      pattern: "^[a-z]+$"\n      default: UP\n',
    "param-value",
    "UP",
    /pattern/,
  ),
  slip(
    "a pattern that can take for ever",
    region,
    '      type: string\n      pattern: "^(a+)+$"\n      default: a\n',
    "param-pattern",
    '"^(a+)+$"',
    /for ever/,
  ),
  slip(
    "a param that can be null in the URL",
    "type: string",
    "type: [string, 'null']",
    "unknown-variable",
    "https://data",
    /not always one/,
  ),
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
];

for (const { title, edits, code, on, says, also = [] } of cases) {
  test(`${code}: ${title}`, async () => {
    const text = edited(...edits);
    const before = text.slice(0, text.indexOf(on)).split("\n");
    const { problems, scrapes } = await checkFiles({ weather: weather({ "weather.yml": text }) });
    const found = problems.find((problem) => problem.code === code);
    assert.ok(found, `no ${code} among ${JSON.stringify(problems)}`);
    assert.is(`${found.line}:${found.column}`, `${before.length}:${(before.at(-1)?.length ?? 0) + 1}`);
    assert.match(`${found.message}\n${found.hint}`, says);
    assert.is(found.file, "scrapes/weather/weather.yml");
    assert.is(scrapes.length, 0);
    const others = problems.map((problem) => problem.code).filter((other) => other !== code && !also.includes(other));
    assert.equal(others, [], `one slip is one problem: ${JSON.stringify(problems, null, 1)}`);
  });
}

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
      "      dependencies: [transform_rows]\n    load_again:\n      <<: *load\n      max_bad_rows: 3\n",
    ],
  );
  const { problems } = await checkFiles({ weather: weather({ "weather.yml": text }) });
  assert.equal(places(problems), ["field-type 32:29"]);
});

test.run();
