import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type LocalAws, startAws } from "../../local/aws.ts";
import { root } from "../../local/paths.ts";
import { deployedContents } from "../../src/deploy/deployed-contents.ts";
import { readPointer } from "../../src/deploy/read-bucket.ts";
import { sync } from "../../src/deploy/sync.ts";
import { silentLog } from "../../src/log.ts";
import { contentsOfRelease } from "../../src/plan/contents.ts";
import { makePlan } from "../../src/plan/make-plan.ts";
import { buildRelease } from "../../src/release/build-release.ts";
import { checkScrapes } from "../../src/scrape/check-scrapes.ts";
import { S3ObjectStore } from "../../src/services/s3.ts";
import { makeScrapes } from "../scrape/make-scrapes.ts";

const dir = mkdtempSync(join(tmpdir(), "dagline-diff-"));
const yaml = join(dir, "scrapes", "scrape_0001", "scrape_0001.yml");
let aws: LocalAws;

test.before(async () => {
  aws = await startAws({ dir });
  makeScrapes(dir, 2);
});
test.after(async () => {
  await aws.stop();
  rmSync(dir, { recursive: true });
});

test("the plan against a bucket is the one that a sync then carries out", async () => {
  await aws.createBuckets("releases");
  const store = new S3ObjectStore({ bucket: "releases", region: aws.region, endpoint: aws.endpoint, credentials: aws.credentials });
  const options = { commit: null, now: new Date(), log: silentLog };
  await sync(await render(), store, options);
  replaceInYaml("catchup: false", "catchup: true");
  const changed = await render();
  const next = contentsOfRelease(changed, null);
  const plan = makePlan(await deployedContents(store, next, silentLog), next, { now: new Date() });
  assert.equal(
    plan.dags.map(({ dag, changes }) => [dag, changes]),
    [["scrape_0001", [{ task: null, what: "setting", name: "catchup", from: "false", to: "true" }]]],
  );
  await sync(changed, store, options);
  assert.is((await readPointer(store))?.pointer.release, plan.next.release);
  assert.ok(makePlan(await deployedContents(store, next, silentLog), next, { now: new Date() }).nothing);
});

test("dagline diff compares with a folder and with nothing, in each format, and ends with 0", async () => {
  await dagline("render", "--out", "base");
  assert.match((await dagline("diff", "--base", "base")).stdout, /^Nothing to deploy: /);
  replaceInYaml("owner: data-platform", "owner: analytics");
  const text = (await dagline("diff", "--base", "base")).stdout;
  assert.match(text, /~ scrape_0001 changed\n {2}owner data-platform → analytics/);
  const plan = JSON.parse((await dagline("diff", "--base", "none", "--format", "json")).stdout);
  assert.equal([plan.base, plan.dags.length, plan.nothing], [null, 2, false]);
  await dagline("diff", "--base", "base", "--format", "markdown", "--out", "plan.md", "--rest", "rest.md");
  assert.match(readFileSync(join(dir, "plan.md"), "utf8"), /^\*\*DAGs: 1 changed \(of 2\); nothing destructive\.\*\*\n/);
  assert.is(readFileSync(join(dir, "rest.md"), "utf8"), "");
});

test("dagline diff shows the rows that tests loaded before and after", async () => {
  const load = { dag: "scrape_0001", task: "load_rows", table: "scrape_0001", columns: ["id"] };
  writeFileSync(join(dir, "before.json"), JSON.stringify({ loads: [{ ...load, rows: 1, sample: [{ id: "1" }] }] }));
  writeFileSync(join(dir, "after.json"), JSON.stringify({ loads: [{ ...load, rows: 2, sample: [{ id: "1" }, { id: "2" }] }] }));
  const { stdout } = await dagline("diff", "--base", "base", "--rows-before", "before.json", "--rows-after", "after.json");
  assert.match(stdout, /scrape_0001\.load_rows into scrape_0001: 1 → 2/);
});

test("dagline diff without a base says what can be one", async () => {
  const { code, stderr } = await dagline("diff");
  assert.is(code, 1);
  assert.match(stderr, /nothing is named to compare with\n {2}Give --base none, --base DIR/);
});

async function render() {
  const { scrapes } = await checkScrapes(dir);
  return buildRelease(scrapes, { root: dir });
}

function replaceInYaml(from: string, to: string): void {
  writeFileSync(yaml, readFileSync(yaml, "utf8").replace(from, to));
}

async function dagline(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const { DAGLINE_BUCKET: _, ...env } = process.env;
  const command = [join(root, "src", "cli", "main.ts"), ...args];
  const run = promisify(execFile)(process.execPath, command, { cwd: dir, env });
  const outcome = await run.catch((error: { code: number; stdout: string; stderr: string }) => error);
  if ("code" in outcome) return outcome;
  return { code: 0, ...outcome };
}

test.run();
