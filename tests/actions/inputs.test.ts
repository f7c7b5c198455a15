import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { load } from "js-yaml";
import { test } from "uvu";
import * as assert from "uvu/assert";
import * as apply from "../../actions/apply/main.ts";
import * as backfill from "../../actions/backfill/main.ts";
import * as diff from "../../actions/diff/main.ts";
import * as drift from "../../actions/drift/main.ts";
import * as environment from "../../actions/environment/main.ts";
import { type InputSpec, readInputs } from "../../actions/inputs.ts";
import * as reload from "../../actions/reload/main.ts";
import * as render from "../../actions/render/main.ts";
import * as rollback from "../../actions/rollback/main.ts";
import * as sync from "../../actions/sync/main.ts";
import * as testAction from "../../actions/test/main.ts";
import * as validate from "../../actions/validate/main.ts";
import { root } from "../../local/paths.ts";
import { UserError } from "../../src/errors.ts";

const specs: Readonly<Record<string, InputSpec>> = {
  apply: apply.inputs,
  backfill: backfill.inputs,
  diff: diff.inputs,
  drift: drift.inputs,
  environment: environment.inputs,
  reload: reload.inputs,
  render: render.inputs,
  rollback: rollback.inputs,
  sync: sync.inputs,
  test: testAction.inputs,
  validate: validate.inputs,
};
const spec = {
  name: { kind: "text" },
  mode: { kind: "choice", choices: ["plan", "comment"], default: "plan" },
  "dry-run": { kind: "flag", default: "true" },
  minutes: { kind: "text", default: "15", pattern: /^\d+$/, takes: "a whole number" },
} as const satisfies InputSpec;

test("inputs are read as their spec says, with defaults where nothing is given", () => {
  const read = readInputs(spec, { INPUT_NAME: " x ", "INPUT_DRY-RUN": "false", INPUT_MODE: "", PATH: "/bin", INPUT_X: undefined });
  assert.equal(read, { name: "x", mode: "plan", "dry-run": false, minutes: "15" });
});

test("every missing, wrong and unknown input is named with what is allowed, all in one error", () => {
  const { message, hint } = refusal({
    INPUT_MODE: "plann",
    "INPUT_DRY-RUN": "yes",
    INPUT_MINUTES: "x",
    INPUT_MOD: "plan",
    INPUT_NAME: " ",
  });
  assert.equal(message.split("\n"), [
    "the input `name` is missing",
    'the input `mode` is "plann": it takes plan, comment',
    'the input `dry-run` is "yes": it takes true or false',
    'the input `minutes` is "x": it takes a whole number',
    "there is no input `mod`. Did you mean `mode`?",
  ]);
  assert.match(hint, /Nothing was done/);
});

test("a long hostile value is quoted and cut in the error", () => {
  const { message } = refusal({ INPUT_NAME: "x", INPUT_MODE: `"\n::error::${"x".repeat(5000)}` });
  assert.match(message, /^the input `mode` is "\\"\\n::error::x+": it takes plan, comment$/);
  assert.ok(message.length < 200);
});

test("every folder of actions/ with an action.yml has a spec here", () => {
  const folders = readdirSync(join(root, "actions"), { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
  assert.equal(folders.sort(), Object.keys(specs).sort());
});

for (const [name, inputs] of Object.entries(specs)) {
  test(`action.yml of ${name} has the inputs, defaults and outputs of its main.ts, and runs it on node24, and its post.ts however the job ends`, () => {
    const folder = join(root, "actions", name);
    const action = load(readFileSync(join(folder, "action.yml"), "utf8")) as ActionFile;
    const described = Object.entries(action.inputs ?? {}).map(([input, { required = false, ...of }]) => [input, required, of.default]);
    const expected = Object.entries(inputs).map(([input, kind]) => [
      input,
      kind.default === undefined,
      // The token's default is the job's own, which only the runner knows.
      input === "github-token" ? `$${"{{"} github.token }}` : kind.default,
    ]);
    assert.equal(described, expected);
    for (const [input, { description }] of Object.entries({ ...action.inputs, ...action.outputs })) assert.ok(description, input);
    assert.equal(Object.keys(action.outputs ?? {}).sort(), outputsSetIn(folder));
    const post = existsSync(join(folder, "post.ts")) ? { post: `../../dist/actions/${name}-post.mjs`, "post-if": "always()" } : {};
    assert.equal(action.runs, { using: "node24", main: `../../dist/actions/${name}.mjs`, ...post });
    for (const [input, kind] of Object.entries(inputs)) {
      if (kind.kind !== "choice") continue;
      for (const choice of kind.choices) assert.ok(action.inputs?.[input]?.description?.includes(choice), `${input}: ${choice}`);
    }
  });
}

interface ActionFile {
  readonly inputs?: Readonly<Record<string, { required?: boolean; default?: string; description?: string }>>;
  readonly outputs?: Readonly<Record<string, { description?: string }>>;
  readonly runs: unknown;
}

/** The names that the action's own files give to `services.output`. */
function outputsSetIn(folder: string): string[] {
  const text = readdirSync(folder)
    .filter((file) => file.endsWith(".ts"))
    .map((file) => readFileSync(join(folder, file), "utf8"))
    .join("\n");
  return [...new Set([...text.matchAll(/\boutput\("([\w-]+)"/g)].map(([, name]) => name ?? ""))].sort();
}

function refusal(variables: Record<string, string>): { message: string; hint: string } {
  try {
    readInputs(spec, variables);
  } catch (error) {
    assert.instance(error, UserError);
    return { message: (error as UserError).message, hint: (error as UserError).hint ?? "" };
  }
  throw new Error("nothing was refused");
}

test.run();
