import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { startGithub } from "../../local/github.ts";
import { makeScrapes } from "../scrape/make-scrapes.ts";
import { builtActions } from "./built.ts";
import { makeRepository } from "./repository.ts";

const CHANGED = 300;

test(`a pull request that changes ${CHANGED} DAGs has its comment, under the limit and readable, within 30 s`, async () => {
  const [repository, actions] = [makeRepository(), await builtActions()];
  const names = makeScrapes(repository.root, CHANGED);
  const base = repository.commit({ ".gitignore": "preview/\n.local/\n" });
  const head = repository.commit(
    Object.fromEntries(
      names.map((name) => {
        const path = `scrapes/${name}/${name}.yml`;
        const yaml = readFileSync(join(repository.root, path), "utf8");
        return [
          path,
          yaml
            .replace("catchup: false", "catchup: true\n  retries: 3")
            .replace("{ name: id, ", "{ name: code, type: TEXT }\n        - { name: id, "),
        ];
      }),
    ),
  );
  const github = await startGithub({
    repository: "acme/data",
    tokens: { right: {} },
    pullRequests: [{ number: 3, head: { ref: "topic", sha: head, repository: "fork/data" } }],
  });
  try {
    const step = { workspace: repository.root, with: { "github-token": "right" }, env: { GITHUB_API_URL: github.url } };
    const pull = { pull_request: { number: 3, head: { sha: head }, base: { sha: base } } };
    const plan = await actions.run("diff", { ...step, payload: pull });
    assert.is(plan.code, 0, plan.stdout);
    assert.is(plan.outputs.basis, "branch");
    const run = { workflow_run: { head_sha: head, html_url: "https://github.example/acme/data/actions/runs/5" } };
    const comment = await actions.run("diff", { ...step, with: { ...step.with, mode: "comment" }, payload: run });
    assert.is(comment.code, 0, comment.stdout);
    const body = github.state.comments[0]?.body ?? "";
    const seconds = plan.seconds + comment.seconds;
    process.stderr.write(
      `${CHANGED} DAGs: plan ${plan.seconds.toFixed(1)} s, comment ${comment.seconds.toFixed(1)} s; ${body.length} characters, summaries of ${plan.summary.length} and ${comment.summary.length}\n`,
    );
    assert.ok(body.length < 60_000, `${body.length}`);
    assert.match(body, /\*\*DAGs: 300 changed/);
    assert.match(body, /left out/);
    assert.ok(body.indexOf("| DAGs changed | 300 |") < body.indexOf("<details>"), "the summary comes first");
    assert.is(body.split("<details>").length, body.split("</details>").length);
    for (const name of names) assert.ok(`${body}${comment.summary}`.includes(name), name);
    assert.ok(Buffer.byteLength(comment.summary) <= 1024 * 1024 && Buffer.byteLength(plan.summary) <= 1024 * 1024);
    assert.equal(github.violations, []);
    assert.ok(seconds < 30, `${seconds} s`);
  } finally {
    await github.stop();
    actions.remove();
    repository.remove();
  }
});

test.run();
