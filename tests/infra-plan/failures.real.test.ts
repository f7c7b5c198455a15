import { test } from "uvu";
import * as assert from "uvu/assert";
import { TransientError, UserError } from "../../src/errors.ts";
import { applyInfra } from "../../src/infra/apply-infra.ts";
import type { AssemblyStack } from "../../src/infra/assembly.ts";
import type { Cdk } from "../../src/infra/cloudformation.ts";
import { planInfra } from "../../src/infra/plan-infra.ts";
import { bootstrappedAccount, readDeployed, refuseOldBootstrap } from "../../src/infra/read-deployed.ts";
import { isCurrent, makeRecord, parseRecord } from "../../src/infra/record.ts";
import { refuseUnready, waitUntilReady } from "../../src/infra/stack-state.ts";
import { silentLog } from "../../src/log.ts";
import type { CloudFormationStacks } from "../../src/services/cloudformation.ts";
import { thrownBy } from "../../src/testkit/thrown-by.ts";
import { CloudFormationDouble, type DoubledStack } from "./cloudformation-double.ts";

// What CloudFormation says when things go wrong, by its own protocol; moto never fails.
let double: CloudFormationDouble;
let cloud: CloudFormationStacks;
const cdk: Cdk = { synthesize: async () => undefined, prepareChangeSet: async () => undefined };
const nothing = planInfra([], () => "no");

test.before.each(async () => {
  double = new CloudFormationDouble();
  cloud = await double.start();
});
test.after.each(() => double.stop());

test("a failed update gives the resource that failed first and why, not that the stack was rolled back", async () => {
  const error = await failing([
    ["UPDATE_IN_PROGRESS"],
    ["UPDATE_IN_PROGRESS", "Database", "AWS::RDS::DBInstance"],
    ["UPDATE_FAILED", "Database", "AWS::RDS::DBInstance", "Cannot upgrade postgres from 17.2 to 15.1 (Service: Rds, Status Code: 400)"],
    ["UPDATE_FAILED", "Topic", "AWS::SNS::Topic", "Resource update cancelled"],
    ["UPDATE_ROLLBACK_IN_PROGRESS", null, undefined, "The following resource(s) failed to update: [Database, Topic]."],
    ["UPDATE_ROLLBACK_COMPLETE"],
  ]);
  assert.instance(error, UserError);
  assert.is(error.message, "stack data: Database (AWS::RDS::DBInstance) could not be updated: Cannot upgrade postgres from 17.2 to 15.1");
  assert.match(error.hint ?? "", /Mend infra\/, and merge that\. The stack was rolled back to what it was\./);
});

test("a reason that stands on no resource but on the stack is found there", async () => {
  const error = await failing([
    ["UPDATE_IN_PROGRESS"],
    ["UPDATE_IN_PROGRESS", "Cluster", "AWS::Redshift::Cluster"],
    ["UPDATE_ROLLBACK_IN_PROGRESS", null, undefined, "Export data:Warehouse cannot be deleted as it is in use by compute"],
    ["UPDATE_ROLLBACK_COMPLETE"],
  ]);
  assert.is(error.message, "stack data: it failed: Export data:Warehouse cannot be deleted as it is in use by compute");
  assert.match(error.hint ?? "", /First deploy a version of compute that does not import it/);
});

test("a quota that is used up says so, and what to do", async () => {
  const error = await failing([
    ["UPDATE_IN_PROGRESS"],
    ["CREATE_FAILED", "Address", "AWS::EC2::EIP", "The maximum number of addresses has been reached. (Service: Ec2)"],
    ["UPDATE_ROLLBACK_COMPLETE"],
  ]);
  assert.match(error.message, /Address \(AWS::EC2::EIP\) could not be created: The maximum number of addresses has been reached\./);
  assert.match(error.hint ?? "", /A quota of the account is used up: .* Service Quotas/);
});

test("a permission that the execution role lacks is named", async () => {
  const error = await failing([
    ["UPDATE_IN_PROGRESS"],
    [
      "CREATE_FAILED",
      "Bucket",
      "AWS::S3::Bucket",
      "User: arn:aws:sts::1:assumed-role/x is not authorized to perform: s3:CreateBucket on resource: y",
    ],
    ["UPDATE_ROLLBACK_COMPLETE"],
  ]);
  assert.match(error.hint ?? "", /cfn-exec-role\) needs the permission s3:CreateBucket/);
});

test("a first creation that fails leaves a stack to delete, with the command; a rollback that fails, too", async () => {
  const created = await failing([
    ["CREATE_IN_PROGRESS"],
    ["CREATE_FAILED", "B", "AWS::S3::Bucket", "b already exists"],
    ["ROLLBACK_COMPLETE"],
  ]);
  assert.match(created.hint ?? "", /aws cloudformation delete-stack --stack-name data --region eu-west-2/);
  const stuck = await failing([["UPDATE_IN_PROGRESS"], ["UPDATE_FAILED", "B", "AWS::S3::Bucket", "no"], ["UPDATE_ROLLBACK_FAILED"]]);
  assert.match(stuck.hint ?? "", /aws cloudformation continue-update-rollback --stack-name data/);
});

test("want of capacity may pass", async () => {
  const error = await failing([
    ["UPDATE_IN_PROGRESS"],
    ["CREATE_FAILED", "Host", "AWS::EC2::Instance", "We currently do not have sufficient t3.large capacity in the Availability Zone"],
    ["UPDATE_ROLLBACK_COMPLETE"],
  ]);
  assert.instance(error, TransientError);
});

test("a stack in ROLLBACK_COMPLETE, UPDATE_ROLLBACK_FAILED or UPDATE_IN_PROGRESS is refused before anything is done", async () => {
  const refused = async (status: string) => {
    double.stacks.set("data", { status });
    const [stack] = await readDeployed([assembled({})], cloud);
    return thrownBy(Promise.resolve().then(() => refuseUnready(stack?.state ?? null, "eu-west-2"))) as Promise<UserError>;
  };
  const rolledBack = await refused("ROLLBACK_COMPLETE");
  assert.is(rolledBack.message, "stack data is in ROLLBACK_COMPLETE: CloudFormation takes no update of it");
  assert.match(rolledBack.hint ?? "", /delete-stack/);
  assert.match((await refused("UPDATE_ROLLBACK_FAILED")).hint ?? "", /continue-update-rollback/);
  const busy = await refused("UPDATE_IN_PROGRESS");
  assert.instance(busy, TransientError);
  assert.match(busy.hint ?? "", /wait until it has ended/);
});

test("an account without bootstrap, or with an old one, gives the command", async () => {
  const without = (await thrownBy(bootstrappedAccount(cloud))) as UserError;
  assert.match(without.message, /not prepared for CDK in eu-west-2/);
  assert.match(without.hint ?? "", /npx cdk bootstrap aws:\/\/ACCOUNT\/eu-west-2/);
  double.stacks.set("CDKToolkit", { status: "CREATE_COMPLETE", outputs: { BootstrapVersion: "6" } });
  const old = await bootstrappedAccount(cloud);
  assert.equal(old, { account: "123456789012", version: 6 });
  assert.throws(() => refuseOldBootstrap([assembled({})], old, "eu-west-2"), /version 6 of its bootstrap; infra\/ needs 8/);
});

test("a permission that our own role lacks is named, as are credentials that do not hold", async () => {
  double.refusals.set("DescribeStacks", ["AccessDenied", "User: x is not authorized to perform: cloudformation:DescribeStacks", 403]);
  const denied = (await thrownBy(cloud.describe("data"))) as UserError;
  assert.match(denied.hint ?? "", /cloudformation:DescribeStacks/);
  double.refusals.set("DescribeStacks", ["InvalidClientTokenId", "The security token included in the request is invalid.", 403]);
  assert.match((await thrownBy(cloud.describe("data"))).message, /AWS does not accept the credentials/);
  double.refusals.set("ExecuteChangeSet", ["LimitExceededException", "Limit for stacks", 400]);
  double.stacks.set("data", { status: "UPDATE_COMPLETE" });
  assert.match((await thrownBy(cloud.execute("data", "x"))).message, /a quota of the account is used up \(Limit for stacks\)/);
});

test("stacks that are right already cost no preparation; the one that differs is followed to its end, event by event", async () => {
  double.stacks.set("data", { status: "UPDATE_COMPLETE", template: template({ A: "1" }), outputs: { DagsBucket: "b" } });
  double.stacks.set("compute", updating([["UPDATE_IN_PROGRESS"], ["UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"]]));
  const lines: string[] = [];
  const stacks = await readDeployed([assembled({ A: "1" }), { ...assembled({ A: "2" }), id: "compute", name: "compute" }], cloud);
  const applied = await applyInfra(stacks, cloud, cdk, options({ log: { ...silentLog, info: (line) => lines.push(line) } }));
  assert.equal(applied.changed, ["compute"]);
  assert.equal(applied.outputs, { data: { DagsBucket: "b" }, compute: {} });
  assert.ok(lines.includes("data: unchanged"));
  assert.ok(lines.some((line) => /compute: UPDATE_IN_PROGRESS compute/.test(line)));
});

test("a commit that only another tag names is no change; another owner is", async () => {
  double.stacks.set("data", { status: "CREATE_COMPLETE", template: template({}), tags: { commit: "one", owner: "us" } });
  const [same] = await readDeployed([{ ...assembled({}), tags: { commit: "two", owner: "us" } }], cloud);
  assert.ok(same?.unchanged);
  const [other] = await readDeployed([{ ...assembled({}), tags: { commit: "two", owner: "them" } }], cloud);
  assert.not(other?.unchanged);
  const plan = planInfra([{ stack: "data", before: other?.deployed ?? null, after: template({}), tags: other?.tags ?? [] }], () => "no");
  assert.equal(
    plan.changes.map(({ reason }) => reason),
    ["only tags change: owner"],
  );
});

test("data that CloudFormation would replace, and the plan did not show, stops before the change set is executed", async () => {
  double.stacks.set("data", {
    ...updating([]),
    changeSet: [{ id: "Database", type: "AWS::RDS::DBInstance", action: "Modify", replacement: "True" }],
  });
  const stacks = await readDeployed([assembled({ A: "2" })], cloud);
  const error = await thrownBy(applyInfra(stacks, cloud, cdk, options({})));
  assert.match(error.message, /would lose data that the plan did not show\nDatabase \(AWS::RDS::DBInstance\) is replaced/);
  assert.not(double.calls.includes("ExecuteChangeSet data"));
});

test("a cancelled workflow has the update rolled back, and begins no other stack", async () => {
  double.stacks.set("data", updating(Array.from({ length: 100 }, () => ["UPDATE_IN_PROGRESS"] as const)));
  double.stacks.set("compute", updating([]));
  const controller = new AbortController();
  const log = { ...silentLog, info: (line: string) => /UPDATE_IN_PROGRESS/.test(line) && controller.abort(new UserError("cancelled")) };
  const stacks = await readDeployed([assembled({ A: "2" }), { ...assembled({ A: "2" }), id: "compute", name: "compute" }], cloud);
  const error = await thrownBy(applyInfra(stacks, cloud, cdk, options({ signal: controller.signal, log })));
  assert.is(error.message, "cancelled");
  assert.ok(double.calls.includes("CancelUpdateStack data"));
  assert.not(double.calls.includes("ExecuteChangeSet compute"));
});

test("a cancelled workflow leaves an update alone that has no quick way back", async () => {
  const upgrading = ["UPDATE_IN_PROGRESS", "Database", "AWS::RDS::DBInstance"] as const;
  double.stacks.set("data", updating([upgrading, ...Array.from({ length: 100 }, () => ["UPDATE_IN_PROGRESS"] as const)]));
  const controller = new AbortController();
  const lines: string[] = [];
  const info = (line: string) => / UPDATE_IN_PROGRESS Database/.test(line) && controller.abort(new UserError("cancelled"));
  const log = { ...silentLog, info, warn: (line: string) => lines.push(line) };
  const stacks = await readDeployed([assembled({ A: "2" })], cloud);
  assert.is((await thrownBy(applyInfra(stacks, cloud, cdk, options({ signal: controller.signal, log })))).message, "cancelled");
  assert.not(double.calls.includes("CancelUpdateStack data"));
  assert.match(lines.join(), /Database \(AWS::RDS::DBInstance\) is being changed, which has no quick way back/);
});

test("an update that takes longer than the job may is left to CloudFormation", async () => {
  double.stacks.set("data", updating(Array.from({ length: 100 }, () => ["UPDATE_IN_PROGRESS"] as const)));
  const stacks = await readDeployed([assembled({ A: "2" })], cloud);
  const error = await thrownBy(applyInfra(stacks, cloud, cdk, options({ limitMinutes: 0 })));
  assert.instance(error, TransientError);
  assert.match(error.message, /still in UPDATE_\w+ after 0 minutes/);
  assert.not(double.calls.includes("CancelUpdateStack data"));
});

test("a stack that cleans up after its last update is waited for, and counts as applied meanwhile", async () => {
  double.stacks.set("data", {
    ...updating([["UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"], ["UPDATE_COMPLETE"]]),
    status: "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
  });
  const state = await cloud.describe("data");
  assert.ok(isCurrent(makeRecord("digest", state === null ? [] : [state]), "digest", [state]));
  await cloud.execute("data", "the clean-up goes on");
  const wait = { log: silentLog, signal: new AbortController().signal, pollMilliseconds: 1 };
  await waitUntilReady([state], cloud, wait);
  assert.is((await cloud.describe("data"))?.status, "UPDATE_COMPLETE");
  double.stacks.set("data", { status: "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS" });
  const stuck = await thrownBy(waitUntilReady([await cloud.describe("data")], cloud, { ...wait, limitMinutes: 0 }));
  assert.instance(stuck, TransientError);
});

test("two applies of different templates never share a change set; two of the same do", async () => {
  const names: string[] = [];
  const recording: Cdk = { ...cdk, prepareChangeSet: async (_assembly, _stack, name) => void names.push(name) };
  for (const value of ["2", "2", "3"]) {
    double.stacks.set("data", updating([["UPDATE_IN_PROGRESS"], ["UPDATE_COMPLETE"]]));
    await applyInfra(await readDeployed([assembled({ A: value })], cloud), cloud, recording, options({}));
  }
  assert.is(names[0], names[1]);
  assert.is.not(names[0], names[2]);
});

test("what was applied last is current as long as the sources are the same and nobody has changed a stack", async () => {
  double.stacks.set("data", { status: "UPDATE_COMPLETE" });
  const state = await cloud.describe("data");
  const record = makeRecord("digest", state === null ? [] : [state]);
  assert.equal(parseRecord(JSON.stringify(record)), record);
  assert.ok(isCurrent(record, "digest", [state]));
  assert.not(isCurrent(record, "another", [state]));
  assert.not(isCurrent(record, "digest", [null]));
  assert.not(isCurrent(record, "digest", [state === null ? null : { ...state, updated: "2026-02-02T00:00:00.000Z" }]));
  assert.is(parseRecord("[]"), undefined);
  const backAgain = state === null ? null : { ...state, status: "UPDATE_ROLLBACK_COMPLETE" };
  assert.ok(isCurrent(record, "digest", [backAgain]), "a failed update that was taken back before");
  assert.not(isCurrent(record, "digest", [state === null ? null : { ...state, status: "UPDATE_ROLLBACK_FAILED" }]));
});

async function failing(script: DoubledStack["script"] & object): Promise<UserError> {
  double.stacks.set("data", updating(script));
  const stacks = await readDeployed([assembled({ A: "2" })], cloud);
  return (await thrownBy(applyInfra(stacks, cloud, cdk, options({})))) as UserError;
}

function updating(script: DoubledStack["script"] & object): DoubledStack {
  const old = [["UPDATE_FAILED", "Old", "AWS::S3::Bucket", "of an earlier update"], ["UPDATE_COMPLETE"]] as const;
  return { status: "UPDATE_COMPLETE", template: template({ A: "1" }), changeSet: [], events: [...old], script: [...script] };
}

function options(given: Partial<Parameters<typeof applyInfra>[3]>): Parameters<typeof applyInfra>[3] {
  return {
    assembly: "out",
    planned: nothing,
    allowDestructive: false,
    signal: new AbortController().signal,
    log: silentLog,
    pollMilliseconds: 1,
    ...given,
  };
}

function assembled(parameters: Readonly<Record<string, string>>): AssemblyStack {
  return { id: "data", name: "data", template: template(parameters), tags: {}, bootstrapVersion: 8 };
}

function template(parameters: Readonly<Record<string, string>>): AssemblyStack["template"] {
  return { Resources: { P: { Type: "AWS::SSM::Parameter", Properties: parameters } } };
}

test.run();
