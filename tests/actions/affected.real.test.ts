import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { run } from "../../actions/test/main.ts";
import { UserError } from "../../src/errors.ts";
import { affectedScrapes } from "../../src/scrape/affected.ts";
import { changedPaths, resolveCommit, withScrapesOf } from "../../src/services/git.ts";
import { thrownBy } from "../../src/testkit/thrown-by.ts";
import { scrapeFiles } from "../scrape/make-scrapes.ts";
import { makeRepository, type Repository, under } from "./repository.ts";
import { testServices } from "./services.ts";

const shared = "export const rate = 1;\n";
const importing = `import { rate } from "../../shared/rate.ts";\nexport const factor = rate;\n`;

/** `first` imports shared/rate.ts over its helpers, `second` in its tests, `third` not; they lie in `folder`. */
function files(folder = ""): Record<string, string> {
  const all = {
    ...under("first", { ...scrapeFiles("first"), "helpers.ts": `${importing}${scrapeFiles("first")["helpers.ts"]}` }),
    ...under("second", { ...scrapeFiles("second"), "unit.test.ts": importing }),
    ...under("third", scrapeFiles("third")),
    "shared/rate.ts": shared,
    "README.md": "# x\n",
    "package.json": "{}\n",
  };
  return Object.fromEntries(Object.entries(all).map(([path, text]) => [`${folder}${path}`, text]));
}

let repository: Repository;
let base: string;
test.before.each(() => {
  repository = makeRepository();
  base = repository.commit(files());
});
test.after.each(() => repository.remove());

async function affectedBy(changes: Readonly<Record<string, string | null>>, root = repository.root): Promise<string[]> {
  const head = repository.commit(changes);
  return affectedScrapes(root, await changedPaths(root, base, head));
}

test("a file of a scrape affects that scrape", async () => {
  assert.equal(await affectedBy({ "scrapes/third/third.yml": "x\n" }), ["third"]);
  assert.equal(await affectedBy({ "scrapes/third/fixtures/deep/more.csv": "x\n" }), ["third"]);
});

test("a module outside of the scrapes affects those that import it, over other modules and in tests as well", async () => {
  assert.equal(await affectedBy({ "shared/rate.ts": "export const rate = 2;\n" }), ["first", "second"]);
});

test("a removed module, too, and a scrape that does not parse is always affected", async () => {
  assert.equal(await affectedBy({ "shared/rate.ts": null }), ["first", "second"]);
});

test("what all depend on affects all", async () => {
  for (const file of ["package.json", "package-lock.json", "tsconfig.json", "src/task/api.ts", "schemas/dag.schema.json"]) {
    base = repository.commit({});
    assert.equal(await affectedBy({ [file]: "{ }\n" }), ["first", "second", "third"], file);
  }
});

test("documentation and other files affect none", async () => {
  assert.equal(
    await affectedBy({ "README.md": "# y\n", "docs/x.md": "x\n", "shared/unused.ts": "export {};\n", "x/package.json": "{}\n" }),
    [],
  );
});

test("a scrape that was renamed is affected under its new name, and one that was removed not at all", async () => {
  const moved = Object.fromEntries(Object.keys(under("third", scrapeFiles("third"))).map((path) => [path, null]));
  assert.equal(await affectedBy({ ...moved, ...under("fourth", scrapeFiles("fourth")) }), ["fourth"]);
});

test("only what came after the branch left its base counts", async () => {
  const head = repository.commit({ "scrapes/third/third.yml": "x\n" });
  const ahead = repository.aside({ "scrapes/first/first.yml": "x\n" });
  assert.equal(await affectedScrapes(repository.root, await changedPaths(repository.root, ahead, head)), ["third"]);
});

test("names with spaces, line ends and quotes are paths like any other", async () => {
  const head = repository.commit({ 'scrapes/third/a "b"\nç.csv': "x\n" });
  assert.equal(await changedPaths(repository.root, base, head), ['scrapes/third/a "b"\nç.csv']);
});

test("in a folder of the repository, the same is found: paths are those of the folder", async () => {
  const root = join(repository.root, "data");
  base = repository.commit(files("data/"));
  assert.equal(await affectedBy({ "data/scrapes/third/third.yml": "x\n" }, root), ["third"]);
  assert.equal(await affectedBy({ "data/shared/rate.ts": "export const rate = 3;\n" }, root), ["first", "second", "third"]);
  const outside = repository.commit({ "scrapes/third/third.yml": "y\n" });
  assert.equal(await changedPaths(root, `${outside}~1`, outside), ["../scrapes/third/third.yml"]);
  await withScrapesOf(root, base, async (folder) => {
    assert.equal(await affectedScrapes(folder, ["scrapes/third/x"]).then((names) => names.includes("third")), true);
  });
});

test("a base that is not here, and one without common history, say what to do", async () => {
  for (const name of ["f".repeat(40), "no-such-branch", "--output=x", ""]) {
    assert.instance(await thrownBy(resolveCommit(repository.root, name)), UserError, name);
  }
  const { execFileSync } = await import("node:child_process");
  const orphan = execFileSync("git", ["-c", "user.name=T", "-c", "user.email=t@example.com", "commit-tree", "-m", "x", `${base}^{tree}`], {
    cwd: repository.root,
    encoding: "utf8",
  }).trim();
  const error = await thrownBy(changedPaths(repository.root, orphan, base));
  assert.instance(error, UserError);
  assert.match(`${error.message} ${(error as UserError).hint}`, /no history in common.*fetch-depth: 0/);
});

test("the action says that nothing is to be tested where no scrape is affected", async () => {
  repository.commit({ "README.md": "# y\n" });
  const services = testServices({ root: repository.root, run: { payload: { pull_request: { base: { sha: base } } } } });
  await run({ base: "", all: false, folder: "preview", "working-directory": "." }, services);
  assert.equal([services.outputs, services.written()], [{ scrapes: "" }, "### Tests\n\nThe change affects no scrape."]);
});

test("the action says when dagline is not installed, and a base of zeros stands for all scrapes", async () => {
  mkdirSync(join(repository.root, "node_modules"));
  const services = testServices({ root: repository.root });
  const error = await thrownBy(run({ base: "0".repeat(40), all: false, folder: "preview", "working-directory": "." }, services));
  assert.match(error.message, /dagline is not installed in this repository/);
  assert.is(services.outputs.scrapes, "all");
});

test.run();
