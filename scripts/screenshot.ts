// Makes docs/pull-request.png and docs/pull-request-dark.png, the pictures of the README: the comment that a pull request gets, from a real
// change of scrapes/taxi_zones, tested on a real PostgreSQL and compared with what is committed. Run by hand, after the comment's form changed:
//   node scripts/screenshot.ts      needs Chromium (CHROMIUM names it, else `chromium` is looked for) and the npm registry
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { postComment } from "../actions/diff/post-comment.ts";
import { writePreview } from "../actions/preview-file.ts";
import type { Services } from "../actions/services.ts";
import { root } from "../local/paths.ts";
import { testScrapes } from "../src/cli/test-scrapes.ts";
import type { Forge } from "../src/forge/forge.ts";
import { stderrLog } from "../src/log.ts";
import { contentsOfRelease, type ReleaseContents } from "../src/plan/contents.ts";
import { makePlan } from "../src/plan/make-plan.ts";
import { renderProject } from "../src/release/render-project.ts";
import { resolveCommit, withScrapesOf } from "../src/services/git.ts";

const log = stderrLog();
const SCRAPE = "taxi_zones";
/** What GitHub's own pages are made of, more or less; not dependencies, since this runs once in a while. */
const packages = { marked: "18.2.1", "github-markdown-css": "5.9.0", mermaid: "11.17.2" };
/** CSS pixels; the pictures have 1.75 times as many, so that they stay below LARGEST_BYTES. */
const WIDTH = 880;
const LARGEST_BYTES = 400_000;
/** The folds that are open in the picture, each the first with this title; on GitHub all are shut until they are clicked. */
const OPEN = ["taxi_zones: altered", "taxi_zones: 6 changes", "taxi_zones.load into taxi_zones: 5 → 5 rows"];

const temporary = mkdtempSync(join(tmpdir(), "dagline-screenshot-"));
try {
  const markdown = await comment(join(temporary, "preview"));
  installPackages();
  for (const theme of ["light", "dark"] as const) await picture(markdown, theme);
} finally {
  rmSync(temporary, { recursive: true, force: true });
}

/** The comment's Markdown, as the action writes it. */
async function comment(folder: string): Promise<string> {
  mkdirSync(folder);
  const commit = await resolveCommit(root, "HEAD");
  const head = "6f1c2a9be0d47c35a8be14f7092d6ab35ce81d40";
  const [base, next] = await withScrapesOf(root, commit, async (copy): Promise<[ReleaseContents, ReleaseContents]> => {
    const render = async (of: string) => contentsOfRelease(await renderProject(copy, log), of);
    const before = await render(commit);
    await testScrapes(copy, [SCRAPE], log, join(folder, "rows-before.json"));
    change(join(copy, "scrapes", SCRAPE));
    await testScrapes(copy, [SCRAPE], log, join(folder, "rows-after.json"));
    return [before, await render(head)];
  });
  const plan = makePlan(base, next, { now: new Date("2026-05-11T06:00:00Z") });
  writePreview(folder, { pull: 12, commit: head, environment: "production", basis: "deployed", plan });
  let posted = "";
  const forge: Partial<Forge> = {
    pullRequest: async (number) => ({ number, head: { sha: head }, labels: [] }) as unknown as Awaited<ReturnType<Forge["pullRequest"]>>,
    findComment: async () => undefined,
    upsertComment: async (_number, _marker, body) => {
      posted = body;
      return { url: "", outcome: "created" } as unknown as Awaited<ReturnType<Forge["upsertComment"]>>;
    },
  };
  // Of what an action works with, posting a comment uses this much.
  const services = {
    root,
    log,
    run: { payload: { workflow_run: { head_sha: head, html_url: "https://github.com/OWNER/data/actions/runs/1" } } },
    now: () => new Date(),
    forge: () => forge,
    output() {},
    summary() {},
  } as unknown as Services;
  const given = {
    mode: "comment",
    environment: "production",
    base: "auto",
    infra: false,
    folder,
    "github-token": "",
    "comment-author": "",
  } as const;
  await postComment({ ...given, "working-directory": "." }, services);
  return posted;
}

/** What somebody might want of the zones: fresher, with one more column, and their boroughs in a table. */
function change(folder: string): void {
  edit(join(folder, "taxi_zones.yml"), [
    ['schedule: "0 8 1 * *"', 'schedule: "0 8 * * 1"'],
    ["retries: 2", "retries: 3"],
    [
      "        - { name: service_zone, type: VARCHAR(20) }\n",
      `        - { name: service_zone, type: VARCHAR(20) }
        - { name: is_airport, type: BOOLEAN }
    transform_boroughs:
      callable: boroughs
      file_extension: csv
      dependencies: [transform]
    load_boroughs:
      dataset_name: boroughs
      mode: replace
      dependencies: [transform_boroughs]
      fields:
        - { name: borough, type: VARCHAR(20) }
        - { name: zones, type: INTEGER }
`,
    ],
  ]);
  edit(join(folder, "functions.ts"), [
    [
      `\`COPY (\${zoneQuery(published, config)}) TO`,
      `\`COPY (SELECT *, service_zone IN ('Airports', 'EWR') AS is_airport FROM (\${zoneQuery(published, config)})) TO`,
    ],
    [
      "/** Gives the columns",
      `/** How many zones each borough has. */
export async function boroughs({ input, output }: TransformContext<Config>): Promise<void> {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  await connection.run(\`COPY (SELECT borough, count(*) AS zones FROM \${csvTable(input)} GROUP BY ALL ORDER BY ALL) TO \${literal(output)} (FORMAT csv, HEADER)\`);
  connection.closeSync();
  instance.closeSync();
}

/** Gives the columns`,
    ],
  ]);
  edit(join(folder, "component.test.ts"), [
    ['service_zone: "N/A" }', 'service_zone: "N/A", is_airport: "false" }'],
    [
      "test.run();",
      `test("the boroughs are those of the zones", async () => {
  const zones = await kit.runTransform("taxi_zones", "transform", fixture("taxi_zone_lookup.csv"));
  const rows = await kit.loadRows("taxi_zones", "load_boroughs", await kit.runTransform("taxi_zones", "transform_boroughs", zones));
  assert.is(rows.length, 5);
});

test.run();`,
    ],
  ]);
}

function edit(file: string, replacements: readonly (readonly [string, string])[]): void {
  let text = readFileSync(file, "utf8");
  for (const [from, to] of replacements) {
    if (!text.includes(from)) throw new Error(`${file} has no ${JSON.stringify(from)} any more: this script must follow`);
    text = text.replace(from, () => to);
  }
  writeFileSync(file, text);
}

function installPackages(): void {
  const specs = Object.entries(packages).map(([name, version]) => `${name}@${version}`);
  execFileSync("npm", ["install", "--silent", "--no-audit", "--no-fund", "--prefix", temporary, ...specs], { stdio: "inherit" });
}

async function picture(markdown: string, theme: "light" | "dark"): Promise<void> {
  const installed = (path: string): string => join(temporary, "node_modules", path);
  const { marked } = (await import(pathToFileURL(installed("marked/lib/marked.esm.js")).href)) as {
    marked: { parse: (markdown: string) => string };
  };
  const file = join(temporary, `${theme}.html`);
  const css = readFileSync(installed(`github-markdown-css/github-markdown-${theme}.css`), "utf8");
  writeFileSync(file, page(marked.parse(markdown), css, pathToFileURL(installed("mermaid/dist/mermaid.min.js")).href, theme));
  const url = pathToFileURL(file).href;
  const height = Number(/data-height="(\d+)"/.exec(chromium("--dump-dom", url))?.[1]);
  if (!(height > 0)) throw new Error("Chromium did not say how high the page is: did Mermaid fail?");
  const out = join(root, "docs", theme === "light" ? "pull-request.png" : "pull-request-dark.png");
  chromium(`--screenshot=${out}`, `--window-size=${WIDTH},${height}`, url);
  const { size } = statSync(out);
  log.info(`${out}: ${WIDTH} x ${height}, ${size} bytes`);
  if (size > LARGEST_BYTES) throw new Error(`${out} is larger than ${LARGEST_BYTES} bytes: open fewer folds`);
}

function chromium(...args: readonly string[]): string {
  const always = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--hide-scrollbars",
    "--force-device-scale-factor=1.75",
    "--virtual-time-budget=20000",
  ];
  const profile = `--user-data-dir=${join(temporary, "profile")}`;
  return execFileSync(process.env.CHROMIUM ?? "chromium", [...always, profile, `--window-size=${WIDTH},800`, ...args], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
    maxBuffer: 64e6,
  });
}

/** A page with one comment on it, as GitHub shows it. */
function page(html: string, css: string, mermaid: string, theme: "light" | "dark"): string {
  const colours =
    theme === "light"
      ? { ground: "#ffffff", line: "#d1d9e0", head: "#f6f8fa", text: "#1f2328", muted: "#59636e" }
      : { ground: "#0d1117", line: "#3d444d", head: "#151b23", text: "#f0f6fc", muted: "#9198a1" };
  return `<!doctype html><meta charset="utf-8"><style>${css}
body { margin: 0; background: ${colours.ground}; font-family: -apple-system, "Segoe UI", "Noto Sans", Helvetica, Arial, sans-serif; }
.comment { margin: 12px; border: 1px solid ${colours.line}; border-radius: 6px; overflow: hidden; }
.head { background: ${colours.head}; border-bottom: 1px solid ${colours.line}; color: ${colours.muted}; font-size: 14px; padding: 8px 16px; }
.head b { color: ${colours.text}; } .head i { font-style: normal; font-size: 12px; border: 1px solid ${colours.line}; border-radius: 2em; padding: 0 7px; margin: 0 4px; }
.markdown-body { padding: 16px; font-size: 14px; } .mermaid { text-align: center; margin: 0 0 16px; } .mermaid svg { max-width: 100%; height: auto; }
</style>
<div class="comment"><div class="head"><b>github-actions</b> <i>bot</i> commented</div><div class="markdown-body">${html}</div></div>
<script src="${mermaid}"></script>
<script type="module">
for (const title of ${JSON.stringify(OPEN)}) {
  const summary = [...document.querySelectorAll("summary")].find(({ textContent }) => textContent.trim() === title);
  if (summary === undefined) throw new Error("no fold " + title);
  summary.parentElement.open = true;
}
for (const code of document.querySelectorAll("code.language-mermaid")) {
  const graph = document.createElement("div");
  graph.className = "mermaid";
  graph.textContent = code.textContent;
  code.parentElement.replaceWith(graph);
}
mermaid.initialize({ startOnLoad: false, theme: "${theme === "light" ? "default" : "dark"}" });
await mermaid.run();
document.documentElement.dataset.height = Math.ceil(document.querySelector(".comment").getBoundingClientRect().bottom + 12);
</script>`;
}
