import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { run } from "../../actions/environment/main.ts";
import { readEnvironments } from "../../actions/environments.ts";
import { root as repository } from "../../local/paths.ts";
import { UserError } from "../../src/errors.ts";
import { thrownBy } from "../../src/testkit/thrown-by.ts";
import { testServices } from "./services.ts";

const root = mkdtempSync(join(tmpdir(), "dagline-environments-"));
mkdirSync(join(root, ".github"));
test.after(() => rmSync(root, { recursive: true }));

const write = (text: string): void => writeFileSync(join(root, ".github", "environments.yml"), text);
const right = "staging:\n  region: eu-west-2\n  bucket: some-bucket\n  instance: i-0123456789abcdef0\n";

test("an environment has its bucket and host; prefix and url have defaults", () => {
  write(`${right}production:\n  region: us-east-1\n  bucket: b.c\n  prefix: x/\n  instance: tag:Name=a b\n  url: https://a.example\n`);
  assert.equal(readEnvironments(root, "staging"), {
    region: "eu-west-2",
    bucket: "some-bucket",
    prefix: "",
    instance: "i-0123456789abcdef0",
    plan_role: null,
    deploy_role: null,
    apply_role: null,
    url: null,
  });
  assert.is(readEnvironments(root, "production").url, "https://a.example");
});

test("the roles are outputs for jobs and steps; one that is not there is empty, or an error where it is required", async () => {
  const arn = "arn:aws:iam::000000000000:role/team/deploy";
  write(`${right}  deploy_role: ${arn}\n`);
  const services = testServices({ root });
  const given = { environment: "staging", "required-role": "deploy", "working-directory": "." } as const;
  await run(given, services);
  assert.equal(services.outputs, { region: "eu-west-2", "plan-role": "", "deploy-role": arn, "apply-role": "" });
  const { message } = await thrownBy(run({ ...given, "required-role": "plan" }, testServices({ root })));
  assert.is(message, ".github/environments.yml: staging has no plan_role");
});

test("an unknown environment names those that there are; names of every object are none", () => {
  write(right);
  for (const name of ["prod", "toString", "__proto__", "constructor", ""]) {
    const { message, hint } = refusal(name);
    assert.match(message, /^\.github\/environments\.yml has no environment "/);
    assert.is(hint, "It has: staging.");
  }
});

test("all that is wrong is said in one error, with where it is", () => {
  write(
    "a:\n  region: Europe\n  bucket: B\nb: text\nc:\n  region: eu-west-2\n  bucket: bb1\n  instance: tag:x=y\n  url: 'javascript:alert(1)'\n  role: x\n  deploy_role: arn:aws:iam::12:role/x\n",
  );
  const { message } = refusal("a");
  for (const part of [
    "a.region must match",
    "a.bucket must match",
    "a must have required property 'instance'",
    "b must be object",
    "c.url must match",
    "c.deploy_role must match",
    'c must NOT have additional properties ("role")',
  ]) {
    assert.ok(message.includes(part), `${part}\n${message}`);
  }
});

test("a file that is missing, empty, not YAML or a list says so", () => {
  for (const [text, said] of [
    ["", /is not YAML: expected a document/],
    ["- a\n", /the file must be object/],
    ["a: [\n", /is not YAML: /],
    ["a: 1\na: 2\n", /is not YAML: .*duplicated/],
    ["{}\n", /must NOT have fewer than 1 properties/],
  ] as const) {
    write(text);
    assert.match(refusal("production").message, said, text);
  }
  rmSync(join(root, ".github", "environments.yml"));
  assert.match(refusal("production").message, /^\.github\/environments\.yml is missing$/);
});

test("the repository's own file is right", () => {
  assert.is(readEnvironments(repository, "production").prefix, "");
});

function refusal(name: string): { message: string; hint: string } {
  try {
    readEnvironments(root, name);
  } catch (error) {
    assert.instance(error, UserError, String(error));
    return { message: (error as UserError).message, hint: (error as UserError).hint ?? "" };
  }
  throw new Error("nothing was refused");
}

test.run();
