import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { cutToBytes } from "../../actions/summary.ts";
import { run } from "../../actions/validate/main.ts";
import { UserError } from "../../src/errors.ts";
import { thrownBy } from "../../src/testkit/thrown-by.ts";
import { hostileInReports } from "../plan/hostile.ts";
import { scrapeFiles, writeScrape } from "../scrape/make-scrapes.ts";
import { type TestServices, testServices } from "./services.ts";

const inputs = { "working-directory": "." };

/** Runs the action on scrapes. Each is `[name, what is replaced, by what]`. */
async function validate(
  scrapes: readonly (readonly [string, string | RegExp, string])[],
): Promise<{ services: TestServices; error: Error | undefined }> {
  const root = mkdtempSync(join(tmpdir(), "dagline-validate-"));
  try {
    for (const [name, from, to] of scrapes) {
      const files = scrapeFiles(name);
      writeScrape(root, name, { ...files, [`${name}.yml`]: (files[`${name}.yml`] ?? "").replace(from, () => to) });
    }
    const services = testServices({ root });
    let error: Error | undefined;
    await run(inputs, services).catch((thrown: Error) => {
      error = thrown;
    });
    return { services, error };
  } finally {
    rmSync(root, { recursive: true });
  }
}

test("scrapes without a problem: the summary says how many, and the step succeeds", async () => {
  const { services, error } = await validate([
    ["one", "", ""],
    ["two", "", ""],
  ]);
  assert.is(error, undefined);
  assert.equal([services.outputs, services.annotations], [{ errors: 0, warnings: 0 }, []]);
  assert.is(services.written(), "### Scrapes\n\n2 scrapes checked, no problems.");
});

test("a problem is an annotation on its line and column, with what to do, and a row of the summary", async () => {
  const { services, error } = await validate([["one", "owner: data", "ownr: data"]]);
  assert.instance(error, UserError);
  const annotation = services.annotations.find(({ message }) => message.includes("ownr"));
  assert.equal([annotation?.severity, annotation?.file, annotation?.line, annotation?.column], ["error", "scrapes/one/one.yml", 3, 3]);
  assert.match(annotation?.message ?? "", /ownr[\s\S]*\n.*owner/);
  assert.match(services.written(), /\| `scrapes\/one\/one\.yml:3` \| error \|/);
});

test("of 60 problems, 10 errors and then 10 warnings are on their lines, and all are in the summary", async () => {
  const errors = Array.from({ length: 45 }, (_, index) => [`bad_${index}`, "catchup: false", "catchup: maybe"] as const);
  const warnings = Array.from({ length: 15 }, (_, index) => [`warned_${index}`, /description: Rows of .*\n/, "description: ''\n"] as const);
  const { services, error } = await validate([...warnings, ...errors]);
  assert.match(error?.message ?? "", /^the scrapes have 45 errors in 45 files$/);
  assert.match((error as UserError).hint ?? "", /^10 of them are shown/);
  const severities = services.annotations.map(({ severity }) => severity);
  assert.equal(severities.filter((severity) => severity === "error").length, 10);
  assert.equal(severities, [...severities].sort(), "errors come first");
  assert.is(
    services
      .written()
      .split("\n")
      .filter((line) => line.startsWith("| `scrapes/")).length,
    Number(services.outputs.errors) + Number(services.outputs.warnings),
  );
});

test("thousands of problems keep the summary under 1 MiB, and its last row is whole", async () => {
  const lines = Array.from({ length: 500 }, (_, index) => `  "key_${index}|@x<${"`é".repeat(120)}": 1`).join("\n");
  const many = ["many", "more", "most"].map((name) => [name, "  catchup: false", `  catchup: false\n${lines}`] as const);
  const { services } = await validate(many);
  assert.ok(Number(services.outputs.errors) >= 1500);
  assert.match(services.written(), /and \d+ more: the log has them all/);
  const written = cutToBytes(services.written(), 1024 * 1024);
  assert.ok(Buffer.byteLength(written) <= 1024 * 1024);
  assert.ok(services.lines.info.join("\n").includes("key_499"));
});

test("a summary is cut between lines, with its characters whole, and says so", () => {
  const markdown = `${"| é💩 |\n".repeat(1000)}`;
  for (const bytes of [200, 501, 502, 503, 504, 505, 9_000]) {
    const cut = cutToBytes(markdown, bytes);
    assert.ok(Buffer.byteLength(cut) <= bytes);
    assert.match(cut, /^(?:\| é💩 \|\n)*\n\n_Cut here/);
  }
  assert.is(cutToBytes(markdown, 20), "");
  assert.is(cutToBytes("short\n", 20), "short\n");
});

test("hostile text in YAML arrives as text in the summary and the annotation", async () => {
  for (const text of hostileInReports) {
    if (text.length > 1000) continue;
    const { services, error } = await validate([
      ["one", "catchup: false", `catchup: ${JSON.stringify(text)}\n  ${JSON.stringify(`k${text}`)}: 1`],
    ]);
    assert.instance(error, UserError, JSON.stringify(text));
    const ours = services
      .written()
      .replace(/`[^`\n|<>\\]+`/g, "SPAN")
      .replace(/<code>[^<\n]*<\/code>/g, "SPAN");
    assert.not.match(ours, /[`@\\$<>]|:\/\/|!\[|\]\(|##\[|^\s*::/m, JSON.stringify(text));
    for (const line of ours.split("\n").slice(2)) assert.is(line.split("|").length, 6, `${JSON.stringify(text)}: ${line}`);
  }
});

test("a repository without scrapes/ says so", async () => {
  const services = testServices({ root: tmpdir() });
  assert.instance(await thrownBy(run(inputs, services)), UserError);
});

test.run();
