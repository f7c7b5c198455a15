import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { applyWith } from "../../actions/apply/main.ts";
import { resolveEnvironment } from "../../actions/environments.ts";
import { root as checkout } from "../../local/paths.ts";
import type { Cdk } from "../../src/infra/cloudformation.ts";
import { appliedBefore, makeRecord, RECORD_KEY, readRecord } from "../../src/infra/record.ts";
import { silentLog } from "../../src/log.ts";
import type { CloudFormationStacks } from "../../src/services/cloudformation.ts";
import { thrownBy } from "../../src/testkit/thrown-by.ts";
import { memoryBucket } from "../actions/memory-bucket.ts";
import { makeProject } from "../actions/project.ts";
import { testServices } from "../actions/services.ts";
import { withGithub } from "../forge/github-fixture.ts";
import { CloudFormationDouble } from "./cloudformation-double.ts";

const inputs = {
  mode: "apply",
  environment: "production",
  "allow-destructive": false,
  "timeout-minutes": "170",
  "github-token": "",
  "comment-author": "",
  "working-directory": ".",
} as const;
const table = (name: string) => ({ Resources: { Table: { Type: "AWS::DynamoDB::Table", Properties: { TableName: name } } } });

let double: CloudFormationDouble;
let cloud: CloudFormationStacks;
let project: ReturnType<typeof makeProject>;
test.before.each(async () => {
  double = new CloudFormationDouble();
  cloud = await double.start();
  double.stacks.set("CDKToolkit", { status: "CREATE_COMPLETE", outputs: { BootstrapVersion: "30" } });
  double.stacks.set("data", { status: "CREATE_COMPLETE", template: table("one"), outputs: { DagsBucket: "b" } });
  project = makeProject();
  writeFileSync(join(project.root, "cdk.json"), "{}");
  writeFileSync(join(project.root, "package.json"), "{}");
  symlinkSync(join(checkout, "node_modules"), join(project.root, "node_modules"));
});
test.after.each(() => {
  double.stop();
  project.remove();
});

test("a second apply of the same sources asks nothing but the stacks' states: no CDK, no GitHub", () =>
  withGithub({}, async ({ forge }) => {
    const bucket = memoryBucket();
    const noted = () => readRecord(async () => bucket, silentLog);
    const infra = { cloud, cdk: appOf(table("one")), source: "digest", record: await noted() };
    const first = testServices({ root: project.root, bucket, forge });
    await applyWith(infra, inputs, first);
    assert.is(first.outputs.needed, true);
    assert.ok(bucket.objects.has(RECORD_KEY));
    const second = testServices({ root: project.root, bucket });
    const started = performance.now();
    const record = await noted();
    await applyWith({ ...infra, record, cdk: noCdk }, inputs, second);
    assert.ok(performance.now() - started < 5000);
    assert.equal([second.outputs.needed, second.outputs.changed, second.outputs.outputs], [false, "", '{"data":{"DagsBucket":"b"}}']);
    assert.equal(JSON.parse(readFileSync(String(second.outputs.infra), "utf8")).changes, []);
    const other = testServices({ root: project.root, bucket });
    await applyWith({ ...infra, record, cdk: noCdk, source: "another" }, { ...inputs, mode: "look" }, other);
    assert.is(other.outputs.needed, true);
  }));

test("data that would be lost stops the deploy before anything is prepared, unless a person allowed it", () =>
  withGithub({}, async ({ forge }) => {
    const services = testServices({ root: project.root, bucket: memoryBucket(), forge });
    const infra = { cloud, cdk: appOf(table("two")), source: null, record: undefined };
    const error = await thrownBy(applyWith(infra, inputs, services));
    assert.match(error.message, /cloud resource: the table Table is replaced by a new, empty one, because its TableName changes/);
    assert.not(double.calls.some((call) => call.startsWith("ExecuteChangeSet")));
    const stack = double.stacks.get("data");
    Object.assign(stack ?? {}, { changeSet: [], script: [["UPDATE_IN_PROGRESS"], ["UPDATE_COMPLETE"]] });
    await applyWith(infra, { ...inputs, "allow-destructive": true }, services);
    assert.is(services.outputs.changed, "data");
  }));

test("a stack that the app no longer has is named with the command that deletes it, in each plan until somebody does", () =>
  withGithub({}, async ({ forge }) => {
    const bucket = memoryBucket();
    double.stacks.set("old", { status: "UPDATE_COMPLETE", template: table("old") });
    const [data, old] = [await cloud.describe("data"), await cloud.describe("old")];
    const record = makeRecord(
      "before",
      [data, old].filter((state) => state !== null),
    );
    const services = testServices({ root: project.root, bucket, forge });
    await applyWith({ cloud, cdk: appOf(table("one")), source: "digest", record }, inputs, services);
    assert.match(
      services.lines.info.join("\n"),
      /leave old \(.*\): infra\/ no longer has this stack, and it is not deleted\. To delete it: aws cloudformation delete-stack --stack-name old --region eu-west-2/,
    );
    assert.not(double.calls.some((call) => /^(Delete|Create|Execute)/.test(call)));
    const noted = await readRecord(async () => bucket, silentLog);
    assert.equal(
      noted?.stacks.map(({ name }) => name),
      ["data", "old"],
    );
    double.stacks.delete("old");
    assert.is(await appliedBefore(noted, "digest", cloud), undefined, "it is compared again once somebody has");
  }));

test("an environment that names its stacks has bucket, host, address and places for output from them; what it says itself comes first", async () => {
  const whole = (outputs: Readonly<Record<string, string>>) => ({ status: "CREATE_COMPLETE", outputs });
  double.stacks.set("ours-data", whole({ DagsBucket: "b", LogsBucket: "logs" }));
  double.stacks.set("ours-compute", whole({ Instance: "i-0123456789abcdef0", CommandLogGroup: "/ours/commands" }));
  double.stacks.set("ours-network", whole({ AirflowUrl: "http://192.0.2.1:8080" }));
  const entry = { region: "eu-west-2", prefix: "", url: null, stacks: "ours" };
  const resolved = {
    region: "eu-west-2",
    prefix: "",
    bucket: "b",
    instance: "i-0123456789abcdef0",
    url: "http://192.0.2.1:8080",
    output: { bucket: "logs", logGroup: "/ours/commands" },
  };
  assert.equal(await resolveEnvironment(entry, async () => cloud), resolved);
  assert.equal(await resolveEnvironment({ ...entry, bucket: "c", command_log_group: "/mine" }, async () => cloud), {
    ...resolved,
    bucket: "c",
    output: { bucket: "logs", logGroup: "/mine" },
  });
});

test("a stack or an output that is missing is named, with what makes it", async () => {
  const entry = { region: "eu-west-2", prefix: "", url: null };
  const none = await thrownBy(resolveEnvironment({ ...entry, stacks: "typo" }, async () => cloud));
  assert.is(none.message, "there is no stack typo-data, typo-compute, typo-network in eu-west-2");
  for (const part of ["data", "compute", "network"]) double.stacks.set(`empty-${part}`, { status: "REVIEW_IN_PROGRESS" });
  const missing = await thrownBy(resolveEnvironment({ ...entry, stacks: "empty" }, async () => cloud));
  assert.match(missing.message, /^no stack of empty-data, empty-compute, empty-network has the output DagsBucket$/);
});

/** An app whose one stack, `data`, has this template. */
function appOf(template: object): Cdk {
  return {
    async synthesize(out) {
      mkdirSync(out, { recursive: true });
      const stack = { type: "aws:cloudformation:stack", properties: { templateFile: "data.json", stackName: "data" } };
      writeFileSync(join(out, "manifest.json"), JSON.stringify({ artifacts: { data: stack } }));
      writeFileSync(join(out, "data.json"), JSON.stringify(template));
    },
    prepareChangeSet: async () => undefined,
  };
}

const noCdk: Cdk = {
  synthesize: () => Promise.reject(new Error("CDK was asked")),
  prepareChangeSet: () => Promise.reject(new Error("CDK was asked")),
};

test.run();
