import { test } from "uvu";
import * as assert from "uvu/assert";
import { UserError } from "../../src/errors.ts";
import { didYouMean, nearest } from "../../src/scrape/did-you-mean.ts";
import { parseFieldType } from "../../src/scrape/field-type.ts";
import { parseSchedule } from "../../src/scrape/schedule.ts";
import { checkDateTime, parseDuration } from "../../src/scrape/times.ts";
import { checkUrlTemplate, fillSlice, fillTemplate, templateVariables } from "../../src/scrape/url-template.ts";

test("field types are read in any case, with their numbers", () => {
  assert.equal(parseFieldType("numeric"), { type: { name: "NUMERIC", precision: null, scale: null } });
  assert.equal(parseFieldType("NUMERIC( 12 , 2 )"), { type: { name: "NUMERIC", precision: 12, scale: 2 } });
  assert.equal(parseFieldType("Numeric(38)"), { type: { name: "NUMERIC", precision: 38, scale: null } });
  assert.equal(parseFieldType("varchar(65535)"), { type: { name: "VARCHAR", length: 65535 } });
  for (const name of ["INTEGER", "BIGINT", "FLOAT", "BOOLEAN", "DATE", "TIMESTAMP", "TIMESTAMPTZ", "TEXT"]) {
    assert.equal(parseFieldType(name.toLowerCase()), { type: { name } });
  }
});

test("field types beyond what Redshift holds are refused", () => {
  for (const text of [
    "NUMERIC(39)",
    "NUMERIC(0)",
    "NUMERIC(5,6)",
    "VARCHAR",
    "VARCHAR(0)",
    "VARCHAR(65536)",
    "VARCHAR(1,2)",
    "INTEGER(4)",
    "",
    "(",
    "TEXT; DROP TABLE x",
    "INT",
    "TEXT[]",
  ]) {
    assert.ok("message" in parseFieldType(text), text);
  }
  const int = parseFieldType("int");
  assert.match("hint" in int ? int.hint : "", /INTEGER/);
});

test("durations are seconds, or days, hours, minutes and seconds", () => {
  const right: [string | number, number][] = [
    [90, 90],
    ["90", 90],
    ["30s", 30],
    ["5m", 300],
    ["1h30m", 5400],
    ["1d", 86_400],
    ["1d2h3m4s", 93_784],
    [0, 0],
    [0.5, 0.5],
  ];
  for (const [text, seconds] of right) assert.is(parseDuration(text), seconds, String(text));
  for (const text of ["", "5 m", "m", "5x", "1m1h", "-5m", -1, Number.POSITIVE_INFINITY, "367d", "PT5M"])
    assert.is(parseDuration(text), null, String(text));
});

test("dates are days of the calendar", () => {
  for (const text of ["2024-02-29", "2009-01-01T06:30", "2009-01-01T06:30:59"]) assert.is(checkDateTime(text), null, text);
  for (const text of [
    "2023-02-29",
    "2023-02-30",
    "2024-13-01",
    "2024-1-1",
    "2024-01-01 06:30",
    "2024-01-01T24:00",
    "0000-01-01",
    "2024-01-01T06:30+01:00",
    "today",
    "",
  ]) {
    assert.is.not(checkDateTime(text), null, text);
  }
});

test("a schedule is a cron expression or one of Airflow's presets", () => {
  const expressionOf = (text: string): string => {
    const parsed = parseSchedule(text);
    return "message" in parsed ? parsed.message : parsed.expression;
  };
  assert.is(expressionOf("@weekly"), "0 0 * * 0");
  assert.is(expressionOf("@quarterly"), "0 0 1 */3 *");
  assert.is(expressionOf(" 0  9 29\t* * "), "0 9 29 * *");
  for (const text of ["@once", "@daly", "None", "", "0 0 * *"]) assert.ok("message" in parseSchedule(text), text);
});

test("a URL template gets each value percent-encoded, so that no value changes its structure", () => {
  const template = "https://data.example.com/{a}/{b}.csv?c={c}";
  assert.equal(templateVariables(template), ["a", "b", "c"]);
  assert.is(fillTemplate(template, { a: "x/../y", b: "ü ?#", c: 5 }), "https://data.example.com/x%2F..%2Fy/%C3%BC%20%3F%23.csv?c=5");
  assert.is(fillTemplate("https://h/{a}", { a: "{b}$&$1" }), "https://h/%7Bb%7D%24%26%241");
  assert.throws(
    () => fillTemplate("https://h/{a}/x", { a: ".." }),
    (error: unknown) => error instanceof UserError,
  );
  assert.throws(() => fillTemplate("https://h/{toString}", {}), /nothing is known for \{toString\}/);
  assert.throws(() => fillTemplate("https://h/{a}", { a: "\ud800" }), /well-formed/);
  for (const wrong of ["{", "}", "{}", "{a-b}", "{{a}}", "{a"]) assert.throws(() => templateVariables(wrong), /brace/, wrong);
});

test("a slice takes plain values only", () => {
  assert.is(fillSlice("{taxi}-{year}-{month}", { taxi: "green", year: "2023", month: "01" }), "green-2023-01");
  for (const value of ["a/b", "", "ü", "a b", "'"]) assert.throws(() => fillSlice("{a}", { a: value }), /slice/);
});

test("a URL template is https, has a host that nothing changes, and no secret", () => {
  for (const url of [
    "https://a.example/{x}",
    "HTTPS://a.example:8443/x",
    "http://localhost:8000/{x}",
    "http://127.0.0.1/x",
    "http://[::1]:1/x",
  ]) {
    assert.is(checkUrlTemplate(url), null, url);
  }
  const wrong = [
    "http://a.example/",
    "ftp://a/",
    "//a/",
    "https://{a}/",
    "https://a{b}.example/",
    "https://a:{p}/",
    "https://u:p@a/",
    "https://u@a/",
    "https://a\\@b/",
    "https:///x",
    "https://",
    "javascript:alert(1)",
    "https://a/ b",
    "https://a/\n",
    "http://127.0.0.1.example.com/",
    "http://localhost.example.com/",
    "",
  ];
  for (const url of wrong) assert.is.not(checkUrlTemplate(url), null, url);
});

test("what was meant is the nearest word, if it is near at all", () => {
  assert.is(nearest("scheduel", ["schedule", "owner"]), "schedule");
  assert.is(nearest("xyz", ["schedule", "owner"]), null);
  assert.is(didYouMean("xyz", ["a", "b"]), "There are `a`, `b`.");
});

test.run();
