import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Validations } from "aws-cdk-lib";
import { Bucket } from "aws-cdk-lib/aws-s3";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { environments } from "../../infra/config.ts";
import { makeApp } from "../../infra/make-app.ts";
import { pythonBin } from "../../local/paths.ts";
import { config, synthesize } from "./synth.ts";

const started = performance.now();
const checked = {
  production: synthesize(config, { checked: true }),
  preview: synthesize(environments.preview, { checked: true }),
};
const seconds = (performance.now() - started) / 1000;

test("both environments are written, cdk-nag included, in less than 15 s", () => {
  process.stderr.write(`  measured: ${seconds.toFixed(1)} s\n`);
  assert.ok(seconds < 15, `${seconds.toFixed(1)} s`);
});

test("cdk-nag (AwsSolutions) finds nothing that is not acknowledged, in neither environment", () => {
  for (const [name, { dir }] of Object.entries(checked)) {
    const { pluginReports } = JSON.parse(readFileSync(join(dir, "validation-report.json"), "utf8")) as {
      pluginReports: { violations: unknown[] }[];
    };
    assert.equal(
      pluginReports.flatMap(({ violations }) => violations),
      [],
      name,
    );
  }
});

test("what cdk-nag finds stops the app", () => {
  const { dir } = checked.preview;
  const app = makeApp({
    config: environments.preview,
    commit: null,
    hostBundle: join(dir, "..", "bundle"),
    outdir: join(dir, "..", "refused"),
  });
  new Bucket(app.node.findChild("data-pipeline-preview-data") as never, "Careless");
  assert.throws(() => quietly(() => app.synth()), /Validation failed/);
});

test("every acknowledgement of a rule has its reason, and is of one rule", () => {
  const app = makeApp({
    config,
    commit: null,
    hostBundle: join(checked.production.dir, "..", "bundle"),
    outdir: join(checked.production.dir, "..", "reasons"),
  });
  const acknowledged = app.node
    .findAll()
    .flatMap(({ node }) => node.metadata)
    .filter(({ type }) => type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY)
    .flatMap(({ data }) => Object.entries(data as Record<string, unknown>));
  assert.ok(acknowledged.length > 15);
  for (const [rule, reason] of acknowledged) {
    if (!rule.includes("AwsSolutions-")) continue;
    assert.match(rule, /AwsSolutions-[A-Z]+\d+(\[Resource::.+\])?$/);
    assert.ok(JSON.stringify(reason).length > 30, rule);
  }
});

test("the templates of all kinds of warehouse are clean for cfn-lint", () => {
  const serverless = synthesize({ ...config, warehouse: { kind: "serverless", baseRpus: 8 } });
  const none = synthesize({ ...config, warehouse: { kind: "none" } });
  const files = [checked.production, checked.preview, serverless, none].flatMap(({ dir }) =>
    readdirSync(dir).flatMap((file) => (file.endsWith(".template.json") ? [join(dir, file)] : [])),
  );
  assert.is(files.length, 16);
  // W3005: CDK writes a DependsOn beside a reference that says the same. W3691: its list has full versions only, and takes a major one for a retired one.
  const { status, stdout, stderr } = spawnSync(join(pythonBin, "cfn-lint"), ["--ignore-checks", "W3005", "W3691", "--", ...files], {
    encoding: "utf8",
  });
  assert.is(status, 0, `${stdout}${stderr}`);
});

test("the same repository gives the same templates and assets, byte for byte", () => {
  const again = synthesize(config);
  const files = readdirSync(again.dir).filter((file) => /\.(template|assets)\.json$/.test(file));
  assert.is(files.length, 8);
  for (const file of files)
    assert.is(readFileSync(join(again.dir, file), "utf8"), readFileSync(join(checked.production.dir, file), "utf8"), file);
});

test("a preview costs little and can be thrown away", () => {
  const { templates } = checked.preview;
  templates.data.resourceCountIs("AWS::Redshift::Cluster", 0);
  templates.data.hasResourceProperties("AWS::RDS::DBInstance", { DBInstanceClass: "db.t4g.micro", DeletionProtection: false });
  templates.compute.hasResourceProperties("AWS::EC2::Instance", { InstanceType: "t3.medium" });
  templates.network.resourceCountIs("AWS::EC2::VPCEndpoint", 2); // S3's, which costs nothing, and that of the secrets
  assert.not.match(JSON.stringify(checked.preview.json), /"DeletionPolicy":"Retain"/);
});

/** CDK reports to stderr as well. */
function quietly(work: () => void): void {
  const { error } = console;
  console.error = () => undefined;
  try {
    work();
  } finally {
    console.error = error;
  }
}

test.run();
