import { test } from "uvu";
import * as assert from "uvu/assert";
import { makePlan } from "../../src/plan/make-plan.ts";
import type { Plan } from "../../src/plan/model.ts";
import { planMarkdown, planText } from "../../src/plan/report.ts";
import type { RecordedLoad } from "../../src/recorded-load.ts";
import type { Dag } from "../../src/scrape/model.ts";
import { extractTask, loadTask, makeDag } from "../release/make-dags.ts";
import { hostileInReports } from "./hostile.ts";
import { makeContents, manyDag, now, planOf } from "./make-contents.ts";

test("the loads of a task that its tests run several times have titles of their own", () => {
  const load = (rows: number): RecordedLoad => ({ dag: "rows", task: "load_rows", table: "rows", rows, columns: [], sample: [] });
  const rows = { before: { loads: [load(1), load(2)] }, after: { loads: [load(3), load(4)] } };
  const plan = makePlan(makeContents([makeDag()]), makeContents([makeDag({ retries: 3 })]), { now, rows });
  assert.match(planMarkdown(plan).body, /into <code>rows<\/code>, load 1: 1 → 3 rows<\/summary>[\s\S]*, load 2: 2 → 4 rows<\/summary>/);
  assert.match(planText(plan), /rows\.load_rows into rows, load 1: 1 → 3\n.*, load 2: 2 → 4\n/);
});

test("the summary comes first, then what is destructive, then details, folded", () => {
  const cron = { kind: "cron", expression: "0 0 * * *" } as const;
  const { body, rest } = planMarkdown(
    planOf(
      [makeDag(), makeDag({ id: "gone", tasks: [loadTask("l", [], { table: "lost" })] })],
      [makeDag({ schedule: cron, catchup: true })],
    ),
  );
  assert.is(rest, null);
  const order = [
    "**DAGs: 1 changed, 1 removed (of 1)",
    "| DAGs changed | 1 | `rows` |",
    "### ⚠️ Destructive",
    "### What happens next",
    "### Tables",
    "### DAGs",
  ];
  const places = order.map((text) => body.indexOf(text));
  assert.equal(
    places,
    [...places].sort((a, b) => a - b),
  );
  assert.not(places.includes(-1), `${places}\n${body}`);
  assert.match(body, /- schedule `on demand` → `@daily`/);
  assert.match(body, /```mermaid\nflowchart LR/);
  assert.match(body, /\| `rows` \| `@daily` \| 74 runs \| 2024-03-16 00:00 \|/);
  assert.is(body.split("<details>").length, body.split("</details>").length);
});

test("nothing to deploy is one line", () => {
  const plan = planOf([makeDag()], [makeDag()]);
  assert.match(planMarkdown(plan).body, /^\*\*Nothing to deploy: [^\n]+\*\*\n\nFrom release [^\n]+\n$/);
  assert.match(planText(plan), /^Nothing to deploy: /);
});

test("a plan for the terminal says the changes in words", () => {
  const text = planText(planOf([makeDag({ retries: 2 })], [makeDag({ retries: 3 })]));
  assert.match(text, /~ rows changed\n {2}retries 2 → 3/);
});

test("hostile text in every place is shown as text", () => {
  for (const text of hostileInReports) {
    const plan = hostilePlan(text);
    const { body } = planMarkdown(plan, { limit: 10_000_000 });
    checkMarkdown(body, text);
    assert.not.match(planText(plan), /^\s*::|##\[/m, JSON.stringify(text));
  }
});

test("whatever the limit, the body keeps to it and each section ends whole", () => {
  const dags = (changed: boolean): Dag[] => Array.from({ length: 60 }, (_, index) => manyDag(index, changed));
  const plan = planOf(dags(false), dags(true));
  for (const limit of [5000, 6000, 8000, 12_345, 30_000, 60_000]) {
    const { body, rest } = planMarkdown(plan, { limit });
    assert.ok(body.length <= limit, `${body.length} of ${limit}`);
    for (const part of [body, rest ?? ""]) {
      assert.is(part.split("<details>").length, part.split("</details>").length);
      assert.is(part.split("```").length % 2, 1);
    }
  }
});

/** The text in every place of a scrape and of what else a plan knows that takes any text. */
function hostilePlan(text: string): Plan {
  const table = text.slice(0, 15) || "t";
  const field = (name: string) => ({ name: name.slice(0, 15) || "f", type: { name: "TEXT" }, description: null }) as const;
  const tasks = (more: string) => [
    extractTask("x", { callable: text + more, fileExtension: text + more, pool: text + more, params: { [text]: text + more } }),
    loadTask("l", ["x"], {
      table,
      fields: [field(text), field(`z${more}${text}`)],
      mode: { kind: "upsert", key: [(more + text).slice(0, 9) || "f"] },
    }),
  ];
  const dag = (more: string) =>
    makeDag({
      owner: text + more,
      description: text + more,
      tags: [text + more],
      url: text + more,
      email: [text + more],
      params: { [text]: { default: text + more } },
      tasks: tasks(more),
      file: `scrapes/rows/${text.replaceAll("/", "")}.yml`,
    });
  const load = (value: string): RecordedLoad => ({
    dag: text,
    task: text,
    table,
    rows: 1,
    columns: [text, `b${text}`],
    sample: [{ [text]: "1", [`b${text}`]: value }],
  });
  const infra = {
    changes: [{ stack: text, resource: text, type: text, action: text, reason: text }],
    widened: [text],
    destructive: [{ resource: text, why: text }],
    refused: [],
    digest: "x",
  };
  const contents = (more: string) =>
    makeContents([dag(more), makeDag({ id: `assets_${more}`, schedule: { kind: "assets", tables: [text] }, tasks: [] })], {
      readme: text + more,
      config: JSON.stringify({ [text]: text + more }),
      code: { [text.replaceAll("/", "") || "f"]: `code ${more}` },
      more: { [`configs/rows/${text.replaceAll("/", "").slice(0, 20)}x`]: more },
    });
  return makePlan(contents("a"), contents("b"), {
    now,
    infra,
    rows: { before: { loads: [load(text)] }, after: { loads: [load(`${text}!`)] } },
  });
}

/** Takes fences and code spans away: what remains is ours, so none of the text's signs may be in it. */
function checkMarkdown(body: string, text: string): void {
  const said = JSON.stringify(text.slice(0, 60));
  const withoutFences = body.replace(/^(`{3,})(diff|sql|mermaid)\n[\s\S]*?\n\1$/gm, "FENCE");
  assert.not.match(withoutFences, /```/, said);
  const ours = withoutFences.replace(/`[^`\n|<>\\]+`/g, "SPAN").replace(/<code>[^<\n]*<\/code>/g, "SPAN");
  assert.not.match(ours, /[`@\\$]|:\/\/|<!--|-->|<(?!\/?(?:details|summary)>)|!\[|\]\(|##\[|^\s*::/m, said);
  assert.is(ours.split("<details>").length, ours.split("</details>").length, said);
  // Every row of a table has as many cells as its head.
  let cells = 0;
  for (const line of ours.split("\n")) {
    const found = line.split("|").length;
    if (line.startsWith("|") && cells > 0) assert.is(found, cells, `${said}: ${line}`);
    assert.ok(line.startsWith("|") || found === 1, `${said}: ${line}`);
    cells = line.startsWith("|") ? found : 0;
  }
}

test.run();
