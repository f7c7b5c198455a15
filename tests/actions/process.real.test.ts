import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { scrapeFiles, writeScrape } from "../scrape/make-scrapes.ts";
import { builtActions } from "./built.ts";

let actions: Awaited<ReturnType<typeof builtActions>>;
const workspace = mkdtempSync(join(tmpdir(), "dagline-workspace-"));

test.before(async () => {
  actions = await builtActions();
});
test.after(() => {
  actions?.remove();
  rmSync(workspace, { recursive: true });
});

test("validate as the runner starts it: no problems, exit code 0, outputs and summary written", async () => {
  writeScrape(workspace, "one", scrapeFiles("one"));
  const { code, stdout, summary, outputs } = await actions.run("validate", { workspace, with: { "working-directory": "." } });
  assert.is(code, 0, stdout);
  assert.equal(outputs, { errors: "0", warnings: "0" });
  assert.match(summary, /1 scrape checked, no problems/);
  assert.not.match(stdout, /^::/m);
});

test("a problem is a command of the runner on its line, from the top of the repository, and the exit code is 1", async () => {
  const text = "x\r\n::set-output name=x::y ##[add-mask]z";
  const yaml = (scrapeFiles("one")["one.yml"] ?? "").replace("catchup: false", `catchup: ${JSON.stringify(text)}`);
  writeScrape(join(workspace, "data"), "one", { ...scrapeFiles("one"), "one.yml": yaml });
  const { code, stdout, outputs } = await actions.run("validate", { workspace, with: { "working-directory": "data" } });
  assert.is(code, 1);
  assert.is(outputs.errors, "1");
  const commands = stdout.split("\n").filter((line) => line.trimStart().startsWith("::"));
  assert.is(commands.length, 2, stdout);
  assert.match(commands[0] ?? "", /^::error title=[a-z-]+,file=data\/scrapes\/one\/one\.yml,line=7,col=\d+::/);
  assert.match(commands[1] ?? "", /^::error title=dagline::the scrapes have 1 error in 1 file%0A/);
  assert.not.match(stdout, /##\[/);
});

test("wrong and unknown inputs of every action fail it with one error before anything is done", async () => {
  for (const action of ["validate", "test", "render", "diff", "sync", "reload", "rollback", "drift", "backfill", "environment"]) {
    const { code, stdout, summary, outputs } = await actions.run(action, {
      workspace: "/nowhere",
      with: { "no-such-input": "1", ...(action === "sync" ? { "allow-destructive": "yes" } : {}) },
    });
    assert.is(code, 1, action);
    const errors = stdout.split("\n").filter((line) => line.startsWith("::error title=dagline::"));
    assert.is(errors.length, 1, stdout);
    assert.match(errors[0] ?? "", /there is no input `no-such-input`/);
    assert.match(errors[0] ?? "", /Nothing was done\. Mend the step's `with:`\.$/);
    if (action === "sync") assert.match(errors[0] ?? "", /`allow-destructive` is "yes": it takes true or false%0A/);
    if (action === "backfill")
      assert.match(errors[0] ?? "", /`dag` is missing%0Athe input `from` is missing%0Athe input `to` is missing%0A/);
    assert.equal([summary, outputs], ["", {}]);
  }
});

test("a folder that is not there, and a missing token, say what to do", async () => {
  const nowhere = await actions.run("validate", { workspace, with: { "working-directory": "gone" } });
  assert.match(nowhere.stdout, /^::error title=dagline::there is no folder .*gone%0ACheck out the repository before this step/m);
  const { code, stdout } = await actions.run("sync", { workspace });
  assert.is(code, 1);
  assert.match(stdout, /^::error title=dagline::the input `github-token` is missing%0A/m);
});

test.run();
