import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { root } from "../../local/paths.ts";
import { numbersScrape } from "../workflows/numbers-scrape.ts";

// A version tag, made in a copy of this repository, and used from another one as its users do.
const dir = mkdtempSync(join(tmpdir(), "dagline-tag-"));
const git = (cwd: string, ...args: string[]): string =>
  execFileSync("git", ["-c", "user.name=Test", "-c", "user.email=test@example.com", ...args], {
    cwd,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  }).trim();
const tag = join(dir, "tag");
const workspace = join(dir, "workspace");

test.before(() => {
  const copy = join(dir, "copy");
  const files = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], { cwd: root, encoding: "utf8" });
  for (const file of new Set(files.split("\0"))) {
    if (file === "" || /^tests\//.test(file) || !existsSync(join(root, file))) continue;
    mkdirSync(dirname(join(copy, file)), { recursive: true });
    cpSync(join(root, file), join(copy, file));
  }
  git(copy, "init", "--quiet", "--initial-branch=main");
  git(copy, "add", "--all");
  git(copy, "commit", "--quiet", "--message", "Sources");
  git(dir, "init", "--quiet", "--bare", "origin.git");
  git(copy, "remote", "add", "origin", join(dir, "origin.git"));
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  writeFileSync(join(copy, ".git", "info", "exclude"), "node_modules\n");
  execFileSync(process.execPath, ["scripts/build.ts", "release"], { cwd: copy, stdio: ["ignore", "ignore", "inherit"] });
  execFileSync(process.execPath, ["scripts/tag-release.ts", "1.2.3"], { cwd: copy, stdio: "ignore" });
  git(dir, "clone", "--quiet", "--branch", "v1", "origin.git", "tag");

  for (const [path, text] of Object.entries(numbersScrape())) {
    mkdirSync(dirname(join(workspace, "scrapes/numbers", path)), { recursive: true });
    writeFileSync(join(workspace, "scrapes/numbers", path), text);
  }
  writeFileSync(join(workspace, "package.json"), '{"name":"their-data","type":"module"}\n');
  git(workspace, "init", "--quiet");
  git(workspace, "add", "--all");
  git(workspace, "commit", "--quiet", "--message", "Theirs");
});
test.after(() => rmSync(dir, { recursive: true, force: true }));

test("a tagged action runs where nothing is installed, and renders the very release that the sources do", () => {
  assert.not(existsSync(join(tag, "node_modules")));
  assert.is(action("validate").status, 0);
  const output = action("render");
  assert.is(output.status, 0, output.stdout);
  const rendered = execFileSync(
    process.execPath,
    [join(root, "src/cli/main.ts"), "render", "--out", join(dir, "out"), "--format", "json"],
    {
      cwd: workspace,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    },
  );
  const { release } = JSON.parse(rendered) as { release: string };
  assert.match(readFileSync(join(dir, "output"), "utf8"), release);
});

test("installed from the tag, dagline runs the tests of their scrapes", () => {
  const installed = join(workspace, "node_modules");
  mkdirSync(installed);
  cpSync(tag, join(installed, "dagline"), { recursive: true });
  const { dependencies } = JSON.parse(readFileSync(join(tag, "package.json"), "utf8")) as { dependencies: Record<string, string> };
  for (const name of Object.keys(dependencies)) {
    mkdirSync(dirname(join(installed, name)), { recursive: true });
    symlinkSync(join(root, "node_modules", name), join(installed, name));
  }
  const output = action("test", { INPUT_ALL: "true" });
  assert.is(output.status, 0, output.stdout);
  assert.match(output.stdout, /✓ scrapes\/numbers\/component\.test\.ts/);
  assert.match(readFileSync(join(workspace, "preview/rows-after.json"), "utf8"), /"rows":5/);
});

test("a version is never moved", () => {
  const again = spawnSync(process.execPath, ["scripts/tag-release.ts", "1.2.3"], { cwd: join(dir, "copy"), encoding: "utf8" });
  assert.is(again.status, 1);
  assert.match(again.stderr, /v1\.2\.3 is there already/);
});

function action(name: string, inputs: Record<string, string> = {}) {
  return spawnSync(process.execPath, [join(tag, "dist/actions", `${name}.mjs`)], {
    encoding: "utf8",
    env: {
      PATH: process.env.PATH,
      GITHUB_WORKSPACE: workspace,
      GITHUB_REPOSITORY: "octo/data",
      GITHUB_SHA: git(workspace, "rev-parse", "HEAD"),
      GITHUB_OUTPUT: fileOf("output"),
      GITHUB_STEP_SUMMARY: fileOf("summary"),
      ...inputs,
    },
  });
}

function fileOf(name: string): string {
  const file = join(dir, name);
  writeFileSync(file, "", { flag: "a" });
  return file;
}

test.run();
