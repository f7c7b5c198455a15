import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { adopt } from "../../src/cli/adopt.ts";
import type { UserError } from "../../src/errors.ts";
import { rejects } from "../rejects.ts";
import { edited, weather, weatherYaml } from "./check-files.ts";
import { writeScrape } from "./make-scrapes.ts";

/** Adopts in a folder with the scrape `weather`; gives the lines that were written and the file as it is then. */
async function run(
  old: string,
  name: string,
  yaml = weatherYaml,
  prepare: (root: string) => void = () => {},
): Promise<{ written: string[]; text: string }> {
  const root = mkdtempSync(join(tmpdir(), "dagline-adopt-"));
  try {
    prepare(root);
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

/** Commits the scrape `weather` with this DAG file, which goes in a second commit. */
function committed(root: string, file: string, yaml: string): void {
  const git = (...args: string[]): void => {
    execFileSync("git", ["-c", "user.name=test", "-c", "user.email=test@example.com", ...args], { cwd: root, stdio: "ignore" });
  };
  git("init", "--quiet");
  writeScrape(root, "weather", { [file]: yaml });
  git("add", ".");
  git("commit", "--quiet", "-m", "before");
  rmSync(join(root, "scrapes"), { recursive: true });
  git("commit", "--quiet", "-a", "-m", "after");
}

test("adopt refuses an old name that the scrapes never had, with those that they had", async () => {
  const old = weatherYaml.replace("weather:", "old_weather:").replace("load_rows:", "load_old:");
  const sliced = old.replace("{region}-{year}-{month}-{day}", "{region}.{date}");
  const adopts = (name: string) => run(name, "weather.load_rows", weatherYaml, (root) => committed(root, "old_weather.yml", sliced));
  assert.equal((await adopts("old_weather.load_old")).written, ["28 adopts: [{ dag: old_weather, task: load_old }]"]);
  assert.equal((await adopts("{region}.{date}")).written, ['28 adopts: [{ slice: "{region}.{date}" }]']);
  for (const [name, problem, hint] of [
    ["{region}/{date}", /no load ever had the slice "\{region\}\/\{date\}"/, /Did you mean `\{region\}\.\{date\}`\?/],
    ["old_wether.load_old", /never had a DAG "old_wether"/, /Did you mean `old_weather`\?/],
    ["climate", /never had a DAG "climate"/, /There are `old_weather`\./],
    ["old_weather", /old_weather never had a task "load_rows"/, /There are `load_old`\.|Did you mean `load_old`/],
    ["old_weather.load_odl", /old_weather never had a task "load_odl"/, /Did you mean `load_old`\?/],
  ] as const) {
    const error = await rejects(adopts(name), problem);
    assert.match((error as UserError).hint ?? "", hint);
  }
});

test.run();
