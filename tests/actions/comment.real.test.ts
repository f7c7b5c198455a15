import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { run } from "../../actions/diff/main.ts";
import { findReviewed, readReviewed } from "../../actions/plan-comment.ts";
import { type Preview, writePreview } from "../../actions/preview-file.ts";
import { badGateway, secondaryRateLimit } from "../../local/github-faults.ts";
import { UserError } from "../../src/errors.ts";
import type { Plan } from "../../src/plan/model.ts";
import { thrownBy } from "../../src/testkit/thrown-by.ts";
import { type ForgeUnderTest, withGithub } from "../forge/github-fixture.ts";
import { hostileInReports } from "../plan/hostile.ts";
import { planOf } from "../plan/make-contents.ts";
import { makeDag } from "../release/make-dags.ts";
import { makeProject, weather } from "./project.ts";
import { type TestServices, testServices } from "./services.ts";

const root = mkdtempSync(join(tmpdir(), "dagline-comment-"));
test.after(() => rmSync(root, { recursive: true }));

const inputs = {
  mode: "comment",
  environment: "production",
  base: "auto",
  infra: false,
  folder: ".",
  "github-token": "",
  "comment-author": "",
  "working-directory": ".",
} as const;
const head = "b".repeat(40);
const page = "https://github.example/acme/data/actions/runs/5";
const [retries3, retries4] = [planOf([makeDag()], [makeDag({ retries: 3 })]), planOf([makeDag()], [makeDag({ retries: 4 })])];

interface Push {
  readonly plan?: Plan;
  readonly commit?: string;
  readonly ran?: unknown;
  readonly preview?: Partial<Preview>;
}

/** The comment workflow, after a preview ran. */
async function comment({ forge }: Pick<ForgeUnderTest, "forge">, push: Push = {}): Promise<TestServices> {
  const { plan = retries3, commit = head, ran = commit, preview = {} } = push;
  writePreview(root, { pull: 3, commit, environment: "production", basis: "branch", plan, ...preview });
  const payload = { workflow_run: { head_sha: ran, html_url: page } };
  const services = testServices({ root, forge, run: { event: "workflow_run", payload } });
  await run(inputs, services);
  return services;
}

test("the comment shows the plan, says what it was compared with, the commit and the plan id, and links to the preview's run", () =>
  withGithub({}, async (under) => {
    const services = await comment(under);
    const [made] = under.github.state.comments;
    assert.match(
      made?.body ?? "",
      /^<!-- dagline plan production -->\n<!-- dagline-plan \S+ -->\n## What merging this changes\n\nCompared with the base branch/,
    );
    assert.match(made?.body ?? "", /retries `0` → `3`/);
    assert.ok(made?.body.includes(`[The run](${page})`));
    assert.ok(made?.body.endsWith(`<sub>Commit \`${head.slice(0, 12)}\` · plan \`${retries3.id}\`</sub>`));
    assert.equal([services.outputs.outcome, typeof services.outputs.url], ["created", "string"]);
    assert.is(services.written(), "");
  }));

test("a second push edits the same comment; GitHub's time of the first showing stays for the same plan, and is new for another", () =>
  withGithub({}, async (under) => {
    const [made, posted] = [
      () => under.github.state.comments[0],
      () => findReviewed(under.forge, 3, "production").then((shown) => shown?.reviewed.posted),
    ];
    const at = (time: string): void => {
      const comment = made();
      if (comment !== undefined) comment.updatedAt = time;
    };
    const push = { commit: "d".repeat(40) };
    await comment(under);
    at("2026-01-01T12:00:00Z");
    assert.is(await posted(), "2026-01-01T12:00:00Z");
    assert.is((await comment(under)).outputs.outcome, "unchanged");
    const pull = under.github.state.pullRequests.get(3);
    if (pull !== undefined) pull.head.sha = push.commit;
    for (const outcome of ["updated", "unchanged"]) {
      assert.is((await comment(under, push)).outputs.outcome, outcome);
      at("2026-01-01T13:00:00Z");
      assert.is(await posted(), "2026-01-01T12:00:00Z");
    }
    assert.is((await comment(under, { ...push, plan: retries4 })).outputs.outcome, "updated");
    at("2026-01-01T14:00:00Z");
    assert.equal([await posted(), under.github.state.comments.length], ["2026-01-01T14:00:00Z", 1]);
  }));

test("each environment has a comment of its own", () =>
  withGithub({}, async (under) => {
    await comment(under);
    writePreview(root, { pull: 3, commit: head, environment: "staging", basis: "none", plan: retries3 });
    const services = testServices({ root, forge: under.forge, run: { payload: { workflow_run: { head_sha: head } } } });
    await run({ ...inputs, environment: "staging" }, services);
    assert.is(under.github.state.comments.length, 2);
  }));

test("a preview of a commit that is no longer the head comments nothing", () =>
  withGithub({}, async (under) => {
    const services = await comment(under, { commit: "c".repeat(40) });
    assert.equal([services.outputs, under.github.state.comments], [{ outcome: "superseded" }, []]);
    assert.match(services.lines.info.join("\n"), /#3 has a newer commit/);
  }));

test("a preview that says another commit than its run ran, or another environment, is refused before GitHub is asked", () =>
  withGithub({}, async (under) => {
    for (const [push, said] of [
      [{ ran: "e".repeat(40) }, /the preview is of commit b{12}, and the run that made it ran e{12}/],
      [{ ran: undefined, preview: { commit: "f".repeat(40) } }, /ran b{12}/],
      [{ ran: 3 }, /ran none/],
      [{ preview: { environment: "staging" } }, /another environment/],
    ] as const) {
      const error = await thrownBy(comment(under, push));
      assert.instance(error, UserError);
      assert.match(error.message, said);
    }
    assert.equal(under.github.requests, []);
  }));

test("a comment that a person edited, or somebody else's with the marker, is no review", () =>
  withGithub({}, async (under) => {
    await comment(under);
    const [made] = under.github.state.comments;
    for (const body of ["edited", "<!-- dagline-plan AAAA -->\nx", `x\n${made?.body.split("\n").slice(1).join("\n")}`, ""]) {
      assert.is(readReviewed(body), undefined, body);
    }
    const note = made?.body.split("\n")[1] ?? "";
    assert.is(readReviewed(`${note}\r\nx`)?.plan, retries3.id);
  }));

test("a fork's hostile text in every field breaks out of nothing", () =>
  withGithub({}, async (under) => {
    for (const text of hostileInReports.filter((each) => each.length < 2000)) {
      under.github.state.comments.length = 0;
      await comment(under, { plan: hostile(text) });
      const [, , ...lines] = (under.github.state.comments[0]?.body ?? "").split("\n");
      const ours = lines
        .join("\n")
        .replace(`[The run](${page})`, "")
        .replace(/^(`{3,})(diff|sql|mermaid)\n[\s\S]*?\n\1$/gm, "FENCE")
        .replace(/`[^`\n|<>\\]+`/g, "SPAN")
        .replace(/<code>[^<\n]*<\/code>/g, "SPAN");
      const said = JSON.stringify(text);
      assert.not.match(ours, /[`@\\$]|:\/\/|<!--|-->|<(?!\/?(?:details|summary|sub)>)|!\[|\]\(|##\[|^\s*::/m, said);
      assert.is(ours.split("<details>").length, ours.split("</details>").length, said);
      assert.is(readReviewed(under.github.state.comments[0]?.body.split("\n").slice(1).join("\n") ?? "")?.plan, retries3.id, said);
    }
  }));

test("a 502 and a secondary rate limit while the comment is posted leave one comment", () =>
  withGithub({}, async (under) => {
    under.github.fail({ method: "POST", path: "/comments", answer: badGateway, afterChange: true });
    assert.is((await comment(under)).outputs.outcome, "created");
    under.github.fail({ method: "PATCH", path: "/comments", answer: secondaryRateLimit(17) });
    under.github.fail({ method: "GET", path: "/comments", answer: secondaryRateLimit() });
    assert.is((await comment(under, { plan: retries4 })).outputs.outcome, "updated");
    assert.is(under.github.state.comments.length, 1);
    assert.equal(under.waits, [1, 60, 17]);
  }));

test("without the permission to comment there is one clear error that names it", () =>
  withGithub({ tokens: { right: { permissions: { "pull-requests": "read", issues: "read" } } } }, async (under) => {
    const error = await thrownBy(comment(under));
    assert.instance(error, UserError);
    assert.match(
      `${error.message}\n${(error as UserError).hint}`,
      /^could not comment on #3: GitHub denies it.*\n.*`pull-requests: write`/,
    );
    assert.is(under.github.state.comments.length, 0);
  }));

/** `retries3` with the text in every field that the schema leaves free. */
function hostile(text: string): Plan {
  const all = [text, `${text}x`];
  const row = { column: text, value: text };
  return {
    ...retries3,
    dags: (["added", "removed", "changed"] as const).map((change) => ({
      ...{ dag: text, source: text, change, documentationOnly: false, graph: null, python: text },
      changes: (["param", "task added", "dependencies", "field", "configuration", "code"] as const).map((what) => ({
        ...{ task: text, what, name: text, from: text, to: `${text}y` },
      })),
    })),
    tables: (["created", "altered", "refused", "removed"] as const).map((change) => ({
      ...{ table: text, dags: all, change, basis: "live", statements: all, refusals: all, noLongerFilled: all, notes: all, adopted: all },
    })),
    rows: [
      {
        ...{ dag: text, task: text, table: text, load: 2, before: 1, after: 2, columnsAdded: all, columnsRemoved: all, same: false },
        sample: [{ row, change: "changed", cells: [{ column: text, before: text, after: null }] }],
      },
    ],
    upcoming: (["added", "changed"] as const).map((change) => ({
      ...{ dag: text, change, rescheduled: true, trigger: "assets", schedule: text, runsAtOnce: 3, runsIfNew: 4 },
      ...{ nextRun: "2024-01-01T00:00:00.000Z", uncovered: null, coveredTwice: null, maxActiveRuns: 1, pause: "active", inFlight: 2 },
    })),
    code: [{ bundle: text, change: "changed", dags: all, because: all }],
    files: [{ what: "configuration that no DAG names", paths: all }],
    destructive: [{ what: "cloud resource", why: text, dag: text, table: text, resource: text }],
    infra: {
      changes: [{ stack: text, resource: text, type: text, action: text, reason: text }],
      widened: all,
      destructive: [{ resource: text, why: text }],
      refused: [],
      digest: "0".repeat(64),
    },
  };
}

test("a comment whose plan starts from another release than the base branch makes now is marked outdated, until it makes that again", () =>
  withGithub({}, async (under) => {
    const project = makeProject();
    try {
      const { id } = await project.render();
      await comment(under, { plan: { ...retries3, base: { release: id, commit: null } } });
      const services = testServices({ root: project.root, forge: under.forge });
      const body = (): string => under.github.state.comments[0]?.body ?? "";
      const [text, shown] = [body(), await findReviewed(under.forge, 3, "production")];
      await run({ ...inputs, mode: "outdate" }, services);
      assert.is(body(), text);
      project.write(weather.changed);
      const changed = (await project.render()).id;
      await run({ ...inputs, mode: "outdate" }, services);
      assert.match(body(), new RegExp(`Outdated.*base branch makes release .${changed.slice(0, 12)}. since`));
      assert.equal((await findReviewed(under.forge, 3, "production"))?.reviewed, shown?.reviewed, "editing moves no time");
      project.write(weather.plain);
      await run({ ...inputs, mode: "outdate" }, services);
      assert.is(withoutNote(body()), withoutNote(text));
      assert.match(services.lines.info.join("\n"), /#3: its plan is marked outdated\n[\s\S]*#3: its plan is current again/);
    } finally {
      project.remove();
    }
  }));

function withoutNote(body: string): string {
  return body.replace(/<!-- dagline-plan \S+ -->/, "");
}

test.run();
