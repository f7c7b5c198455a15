import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { adopt } from "../../src/cli/adopt.ts";
import { rejects } from "../rejects.ts";
import { edited, weather, weatherYaml } from "./check-files.ts";
import { writeScrape } from "./make-scrapes.ts";

/** Adopts in a folder with the scrape `weather`; gives the lines that were written and the file as it is then. */
async function run(old: string, name: string, yaml = weatherYaml): Promise<{ written: string[]; text: string }> {
  const root = mkdtempSync(join(tmpdir(), "dagline-adopt-"));
  try {
    writeScrape(root, "weather", weather({ "weather.yml": yaml }) as Record<string, string>);
    const text = (): string => readFileSync(join(root, "scrapes/weather/weather.yml"), "utf8");
    const written = await adopt(root, old, name).catch((error: unknown) => {
      assert.is(text(), yaml);
      throw error;
    });
    return { written: written.map(({ line, text: what }) => `${line} ${what}`), text: text() };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

test("adopt writes a line into the load, under its own name where the task is not said", async () => {
  const { written, text } = await run("old_weather", "weather");
  assert.equal(written, ["28 adopts: [{ dag: old_weather, task: load_rows }]"]);
  assert.match(text, "    load_rows:\n      adopts: [{ dag: old_weather, task: load_rows }]\n      dataset_name: weather\n");
  assert.equal((await run("weather.load_old", "weather.load_rows")).written, ["28 adopts: [{ dag: weather, task: load_old }]"]);
});

test("adopt takes a slice template, and leaves the file as it is when the slice can't be taken over", async () => {
  assert.equal((await run("{region}.{date}", "weather.load_rows")).written, ['28 adopts: [{ slice: "{region}.{date}" }]']);
  await rejects(run("{region}-{year}", "weather"), /has other variables/);
  await rejects(run("weather.load_rows", "weather"), /still loads the table/);
});

test("adopt says what it does not know, and what to write where it can't write it", async () => {
  await rejects(run("old", "climate"), /no load "climate" in the scrapes/);
  await rejects(run("not a name", "weather"), /not a DAG, a DAG\.TASK or a slice template/);
  const twice = edited(["    load_rows:\n", "    load_rows:\n      adopts: [{ dag: older }]\n"]);
  await rejects(run("old", "weather", twice), /not written in a form that can be added to/);
});

test.run();
