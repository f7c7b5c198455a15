import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { root } from "../../local/paths.ts";
import { config, propertiesOf, resourcesOf, synthesize } from "./synth.ts";

const { json } = synthesize();

test("watching: no log group keeps its lines for ever", () => {
  const groups = propertiesOf(json, "AWS::Logs::LogGroup");
  assert.ok(groups.length >= 6);
  for (const { LogGroupName, RetentionInDays } of groups) assert.is(RetentionInDays, 90, String(LogGroupName));
});

test("tags: owner and cost centre are on everything that can have tags; the commit is in no template", () => {
  const tagged = Object.values(json)
    .flatMap(({ Resources }) => Object.values(Resources))
    .filter(({ Properties }) => Array.isArray(Properties?.Tags));
  assert.ok(tagged.length > 25);
  for (const { Type, Properties } of tagged) {
    const tags = new Map(((Properties?.Tags ?? []) as { Key: string; Value: string }[]).map(({ Key, Value }) => [Key, Value]));
    assert.is(tags.get("owner"), "data-platform", Type);
    assert.is(tags.get("cost-centre"), "data", Type);
  }
  const commit = "c".repeat(40);
  const other = synthesize(config, { commit });
  assert.equal(other.json, json);
  const manifest = readFileSync(`${other.dir}/manifest.json`, "utf8");
  assert.is(manifest.split(`"commit": "${commit}"`).length - 1, 4);
});

test("split by lifetime: nothing of the data or the network refers to what runs", () => {
  for (const part of ["network", "data"] as const)
    assert.not.match(JSON.stringify(json[part].Resources), /data-pipeline-(compute|access):/, part);
  for (const part of ["access", "compute"] as const) {
    for (const { Type } of Object.values(json[part].Resources))
      assert.not.match(Type, /RDS|Redshift|S3::Bucket|SecretsManager|SQS/, `${part} ${Type}`);
  }
});

test("what must not be lost stays when the stack of data is deleted, and goes when its creation is rolled back, so that it can be tried again", () => {
  const kept = [
    "AWS::S3::Bucket",
    "AWS::RDS::DBInstance",
    "AWS::RDS::DBParameterGroup",
    "AWS::RDS::DBSubnetGroup",
    "AWS::Redshift::Cluster",
    "AWS::SecretsManager::Secret",
    "AWS::SQS::Queue",
  ];
  for (const type of kept) {
    const found = resourcesOf(json, type);
    assert.ok(found.length > 0, type);
    for (const [id, { DeletionPolicy, UpdateReplacePolicy }] of found)
      assert.equal([DeletionPolicy, UpdateReplacePolicy], ["RetainExceptOnCreate", "Retain"], id);
  }
});

test("no resource with a fixed name is left behind by a creation that is rolled back", () => {
  for (const [id, { DeletionPolicy }] of Object.entries(json).flatMap(([, { Resources }]) => Object.entries(Resources)))
    assert.is.not(DeletionPolicy, "Retain", id);
});

test("no stack imports the warehouse's secret, so that another kind of warehouse can be deployed", () => {
  const imported = JSON.stringify(json.compute).match(/"Fn::ImportValue":"[^"]*"/g) ?? [];
  assert.equal(
    imported.filter((name) => /[Ww]arehouse(Cluster|Secret|Namespace|Workgroup)/.test(name)),
    [],
  );
  assert.match(JSON.stringify(json.compute), /\/data-pipeline\/warehouse-secret/);
});

test("outputs have names of their own that do not change with the constructs", () => {
  const names = Object.values(json).flatMap(({ Outputs = {} }) => Object.keys(Outputs).filter((name) => !name.startsWith("ExportsOutput")));
  assert.equal(names.sort(), [
    "AirflowDatabaseSecretArn",
    "AirflowLogGroup",
    "AlarmTopic",
    "ApplyRole",
    "CommandLogGroup",
    "DagsBucket",
    "DatabaseEndpoint",
    "DatabaseSecretArn",
    "DeadLetterQueueUrl",
    "DeployRole",
    "ExportsBucket",
    "Instance",
    "LoadQueueUrl",
    "LoaderFunction",
    "LogsBucket",
    "PlanRole",
    "StagingBucket",
    "WarehouseEndpoint",
    "WarehouseSecretArn",
  ]);
});

test("the picture in docs is drawn from these templates", () => {
  const { status, stderr } = spawnSync(process.execPath, ["scripts/cloud-picture.ts", "--check"], { cwd: root, encoding: "utf8" });
  assert.is(status, 0, stderr);
});

test.run();
