import { test } from "uvu";
import * as assert from "uvu/assert";
import { root } from "../../local/paths.ts";
import { checkScrape, checkScrapes } from "../../src/scrape/check-scrapes.ts";
import { checkFiles, edited, weather } from "./check-files.ts";
import { scrapeFiles } from "./make-scrapes.ts";

test("a right scrape becomes the value that the later stages read", async () => {
  const { scrapes, problems } = await checkFiles({ weather: weather() });
  assert.equal(problems, []);
  const [scrape] = scrapes;
  assert.equal([scrape?.name, scrape?.dir, scrape?.readme], ["weather", "scrapes/weather", scrapeFiles("weather")["README.md"]]);
  const dag = scrape?.dags[0];
  assert.ok(dag);
  const { tasks, ...rest } = dag;
  assert.equal(rest, {
    id: "weather",
    scrape: "weather",
    file: "scrapes/weather/weather.yml",
    line: 2,
    owner: "data-platform",
    description: "Rows of weather",
    schedule: { kind: "cron", expression: "0 0 * * *" },
    startDate: "2024-01-01",
    endDate: null,
    timezone: "UTC",
    catchup: false,
    paused: false,
    maxActiveRuns: null,
    tags: ["synthetic"],
    params: { region: { type: "string", title: "Region", default: "north", enum: ["north", "south"] } },
    url: "https://data.example.com/{region}/weather/{year}-{month}-{day}.csv",
    callableFile: "scrapes/weather/functions.ts",
    configPath: "scrapes/weather/config/config.json",
    email: [],
    emailOn: { failure: false, retry: false, success: false },
    retries: 1,
    retryDelaySeconds: 300,
    eachMonth: null,
  });
  const common = { retries: null, retryDelaySeconds: null, executionTimeoutSeconds: null, pool: null, params: {} };
  assert.equal(tasks, [
    {
      id: "extract_rows",
      line: 19,
      dependencies: [],
      ...common,
      kind: "extract",
      callable: "extract",
      fileExtension: "csv",
      comparisonCheck: false,
      waitForDataSeconds: null,
    },
    {
      id: "transform_rows",
      line: 22,
      dependencies: ["extract_rows"],
      ...common,
      kind: "transform",
      callable: "transform",
      fileExtension: "csv",
      comparisonCheck: true,
    },
    {
      id: "load_rows",
      line: 27,
      dependencies: ["transform_rows"],
      ...common,
      kind: "load",
      table: "weather",
      mode: { kind: "append", slice: "{region}-{year}-{month}-{day}" },
      fields: [
        { name: "id", type: { name: "BIGINT" }, description: "The row's number" },
        { name: "name", type: { name: "VARCHAR", length: 10 }, description: null },
        { name: "amount", type: { name: "NUMERIC", precision: 12, scale: 2 }, description: null },
      ],
      maxBadRows: 0,
      adopts: [],
    },
  ]);
});

test("settings of the DAG and its tasks are read in seconds, null means the default", async () => {
  const text = edited(
    [
      "catchup: false",
      "catchup: true\n  end_date: null\n  max_active_runs: 3\n  timezone: America/New_York\n  email: [a@example.com]\n  email_on_failure: true\n  retries: 4\n  retry_delay: 1h30m",
    ],
    [
      "callable: extract\n",
      "callable: extract\n      retries: 0\n      retry_delay: 15\n      pool: tlc\n      execution_timeout: 2h\n      params: { region: south, list: [1, {a: null}] }\n",
    ],
  );
  const { scrapes, problems } = await checkFiles({ weather: weather({ "weather.yml": text }) });
  assert.equal(problems, []);
  const dag = scrapes[0]?.dags[0];
  assert.equal(
    [dag?.maxActiveRuns, dag?.timezone, dag?.retries, dag?.retryDelaySeconds, dag?.endDate],
    [3, "America/New_York", 4, 5400, null],
  );
  assert.equal([dag?.email, dag?.emailOn], [["a@example.com"], { failure: true, retry: false, success: false }]);
  const task = dag?.tasks[0];
  assert.equal([task?.retries, task?.retryDelaySeconds, task?.pool, task?.executionTimeoutSeconds], [0, 15, "tlc", 7200]);
  assert.equal(task?.params, { region: "south", list: [1, { a: null }] });
});

test("a task that merges an anchor has its keys, its own ones win, and the order is that of the file", async () => {
  const text = edited(
    ["    extract_rows:\n", "    extract_rows: &extract\n"],
    [
      "    transform_rows:\n",
      "    extract_more:\n      file_extension: parquet\n      <<: *extract\n      pool: tlc\n    transform_rows:\n",
    ],
    ["dependencies: [extract_rows]", "dependencies: [extract_rows, extract_more]"],
  );
  const { scrapes, problems } = await checkFiles({ weather: weather({ "weather.yml": text }) });
  assert.equal(problems, []);
  const task = scrapes[0]?.dags[0]?.tasks[1];
  assert.ok(task?.kind === "extract");
  assert.equal([task.id, task.callable, task.fileExtension, task.pool, task.line], ["extract_more", "extract", "parquet", "tlc", 22]);
});

test("null is a DAG on demand, and a list of assets waits for tables", async () => {
  const onDemand = edited(['schedule: "0 0 * * *"', "schedule: null"], ["  start_date: 2024-01-01\n", ""]);
  const waiting = edited(['schedule: "0 0 * * *"', "schedule: { assets: [weather] }"])
    .replaceAll("weather", "after")
    .replace("[after]", "[weather]");
  const { scrapes, problems } = await checkFiles({
    weather: weather({ "weather.yml": onDemand }),
    after: { ...scrapeFiles("after"), "after.yml": waiting },
  });
  assert.equal(problems, []);
  assert.equal(
    scrapes.map(({ dags }) => dags[0]?.schedule),
    [{ kind: "assets", tables: ["weather"] }, { kind: "none" }],
  );
  assert.is(scrapes[1]?.dags[0]?.startDate, "1970-01-01");
});

test("Windows line ends and a byte order mark change nothing", async () => {
  const text = `\ufeff${edited(["type: BIGINT", "type: BIG"]).replaceAll("\n", "\r\n")}`;
  const { problems } = await checkFiles({ weather: weather({ "weather.yml": text }) });
  assert.equal(
    problems.map(({ code, line, column }) => `${code} ${line}:${column}`),
    ["field-type 32:29"],
  );
});

test("a scrape with a problem leaves the others as they are", async () => {
  const { scrapes, problems } = await checkFiles({
    weather: weather({ "unit.test.ts": null }),
    second: scrapeFiles("second") as Record<string, string>,
  });
  assert.equal([scrapes.map(({ name }) => name), problems.length], [["second"], 1]);
});

test("this repository's own scrapes and its template are right", async () => {
  assert.equal((await checkScrapes(root)).problems, []);
  assert.equal((await checkScrape(root, "_template")).problems, []);
});

test.run();
