import { spawnSync } from "node:child_process";
import { Match } from "aws-cdk-lib/assertions";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { propertiesOf, synthesize, type TemplateJson } from "./synth.ts";

const { templates, json } = synthesize();
const { network, compute } = templates;

test("host: Ubuntu LTS at a fixed serial, IMDSv2, an encrypted volume, an Elastic IP, no key pair, no user data", () => {
  compute.hasResourceProperties("AWS::EC2::Instance", {
    InstanceType: "t3.large",
    KeyName: Match.absent(),
    MetadataOptions: Match.objectLike({ HttpTokens: "required", HttpPutResponseHopLimit: 1 }),
    BlockDeviceMappings: [{ DeviceName: "/dev/sda1", Ebs: Match.objectLike({ Encrypted: true, VolumeType: "gp3", VolumeSize: 60 }) }],
    Tags: Match.arrayWith([{ Key: "Name", Value: "airflow-server" }]),
  });
  const { Parameters } = json.compute as TemplateJson & { Parameters: Record<string, { Type: string; Default: string }> };
  const image = Object.values(Parameters).find(({ Type }) => Type === "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>");
  assert.is(image?.Default, "/aws/service/canonical/ubuntu/server/24.04/stable/20260313/amd64/hvm/ebs-gp3/ami-id");
  network.resourceCountIs("AWS::EC2::EIP", 1);
  compute.resourceCountIs("AWS::EC2::EIPAssociation", 1);
});

test("host: its set-up writes the settings that bootstrap.sh knows, and no secret value", () => {
  const lines = setUpSteps().flatMap(({ inputs }) => inputs.runCommand ?? []);
  const settings = lines.flatMap((line) => /^([A-Z_]+)=\{\{ \w+ \}\}$/.exec(line)?.[1] ?? []);
  assert.equal(settings, ["REGION", "DAGS_BUCKET", "STAGING_BUCKET", "DATABASE_SECRET_ARN", "AIRFLOW_DATABASE_SECRET_ARN", "LOG_GROUP"]);
});

test("host: nobody else installs while its set-up has the CloudWatch agent's package installed", () => {
  const steps = setUpSteps();
  assert.equal(
    steps.map(({ name }) => name),
    ["wait", "cloudwatch", "bootstrap"],
  );
  const timers = "apt-daily.timer apt-daily-upgrade.timer";
  const wait = /cloud-init status --wait[\s\S]*systemctl stop (.*)\n.*systemd-run .*--wait .*'After=(.*)'/.exec(
    steps[0]?.inputs.runCommand?.join("\n") ?? "",
  );
  assert.equal(wait?.slice(1), [timers, timers.replaceAll(".timer", ".service")]);
  assert.ok(steps[2]?.inputs.runCommand?.includes(`systemctl start ${timers}`), "updates go on afterwards");
});

test("host: its set-up tries again to install the AWS CLI, a few times", () => {
  const lines = setUpSteps().at(-1)?.inputs.runCommand ?? [];
  const loop = lines.slice(
    lines.findIndex((line) => line.startsWith("for ")),
    lines.indexOf("done") + 1,
  );
  const doubles = ["command() { return 1; }", "snap() { echo snap; return 1; }", "sleep() { :; }"];
  const { stdout, status } = spawnSync("sh", ["-c", ["set -eu", ...doubles, ...loop].join("\n")], { encoding: "utf8" });
  assert.is(status, 0);
  assert.is(stdout, "snap\n".repeat(5));
});

test("host: the SSM agent may report how the installation of a package went", () => {
  const actions = propertiesOf(json, "AWS::IAM::ManagedPolicy").flatMap(({ PolicyDocument }) =>
    (PolicyDocument as { Statement: { Action: string | string[] }[] }).Statement.flatMap(({ Action }) => Action),
  );
  assert.ok(actions.includes("ssm:PutConfigurePackageResult"));
});

test("host: SSM sets it up when it is there, and the deploy waits for its success", () => {
  compute.hasResourceProperties("AWS::SSM::Association", {
    Name: "data-pipeline-set-up-host",
    WaitForSuccessTimeoutSeconds: 2400,
    Targets: [Match.objectLike({ Key: "InstanceIds" })],
  });
});

test("documents: reload, backfill and status as in infra/ssm, and no parameter of any can carry a shell command", () => {
  const documents = propertiesOf(json, "AWS::SSM::Document");
  assert.equal(documents.map(({ Name }) => Name).sort(), [
    "dagline-backfill",
    "dagline-reload",
    "dagline-status",
    "data-pipeline-set-up-host",
  ]);
  const shell = ["'; true '", "$(true)", "`true`", 'x"', "a b", "a\nb", "a;b", "a|b", "a&b", "a>b", "\\", "*"];
  for (const { Name, Content } of documents) {
    const { parameters = {} } = Content as {
      parameters?: Record<string, { type: string; allowedPattern?: string; allowedValues?: string[] }>;
    };
    for (const [key, { type, allowedPattern, allowedValues }] of Object.entries(parameters)) {
      assert.is(type, "String");
      assert.ok(allowedPattern !== undefined || allowedValues !== undefined, `${Name} ${key}`);
      for (const text of shell) {
        const taken = allowedValues?.includes(text) ?? new RegExp(String(allowedPattern)).test(text);
        assert.not(taken, `${String(Name)} ${key} takes ${JSON.stringify(text)}`);
      }
    }
  }
});

test("documents: what they print can go to a log group and to the bucket of logs", () => {
  compute.hasResourceProperties("AWS::Logs::LogGroup", { LogGroupName: "/data-pipeline/commands", RetentionInDays: 90 });
  assert.ok(json.compute.Outputs?.CommandLogGroup);
  assert.ok(json.data.Outputs?.LogsBucket);
});

test("loader: Node 24 on ARM, in private subnets, fed one by one from a queue whose failures are told apart", () => {
  compute.hasResourceProperties("AWS::Lambda::Function", { Runtime: "nodejs24.x", Architectures: ["arm64"], VpcConfig: Match.anyValue() });
  compute.hasResourceProperties("AWS::Lambda::EventSourceMapping", {
    FunctionResponseTypes: ["ReportBatchItemFailures"],
    ScalingConfig: { MaximumConcurrency: 2 },
  });
});

test("loader: the placeholder refuses clearly and leaves every message in the queue", async () => {
  const file = "../../infra/lambda/warehouse/index.mjs";
  const { handler } = (await import(file)) as { handler: (event: unknown) => Promise<unknown> };
  const said: string[] = [];
  const { error } = console;
  console.error = (text: string) => said.push(text);
  const answer = await handler({ Records: [{ messageId: "a" }, { messageId: "b" }] }).finally(() => {
    console.error = error;
  });
  assert.equal(answer, { batchItemFailures: [{ itemIdentifier: "a" }, { itemIdentifier: "b" }] });
  assert.match(said.join(), /placeholder/);
});

test("watching: each alarm says what to do and goes to one topic; silence of the host is an alarm", () => {
  const alarms = propertiesOf(json, "AWS::CloudWatch::Alarm");
  assert.equal(alarms.map(({ AlarmName }) => String(AlarmName).replace("data-pipeline-", "")).sort(), [
    "database-connections",
    "database-cpu",
    "database-credits",
    "database-memory",
    "database-storage",
    "dead-letters",
    "host-credits",
    "host-disk",
    "host-memory",
    "host-status",
    "loader-errors",
    "oldest-marker",
    "password-rotation",
    "scheduler-heartbeat",
    "warehouse-disk",
    "warehouse-health",
  ]);
  compute.resourceCountIs("AWS::SNS::Topic", 1);
  for (const { AlarmDescription, AlarmActions } of alarms) {
    assert.ok(String(AlarmDescription).length > 40);
    assert.is((AlarmActions as unknown[]).length, 1);
  }
  const silent = alarms.filter(({ TreatMissingData }) => TreatMissingData === "breaching").map(({ AlarmName }) => AlarmName);
  assert.equal(silent.sort(), ["data-pipeline-host-status", "data-pipeline-scheduler-heartbeat"]);
  compute.hasResourceProperties("AWS::SNS::Subscription", { Protocol: "email", Endpoint: "on-call@example.com" });
  compute.resourceCountIs("AWS::CloudWatch::Dashboard", 1);
  compute.hasResourceProperties("AWS::Budgets::Budget", {
    Budget: Match.objectLike({
      BudgetLimit: { Amount: 1500, Unit: "USD" },
      CostFilters: { TagKeyValue: ["user:environment$data-pipeline"] },
    }),
  });
});

function setUpSteps(): { readonly name: string; readonly inputs: { readonly runCommand?: readonly string[] } }[] {
  const document = propertiesOf(json, "AWS::SSM::Document").find(({ Name }) => Name === "data-pipeline-set-up-host");
  return (document?.Content as { mainSteps: ReturnType<typeof setUpSteps> } | undefined)?.mainSteps ?? [];
}

test.run();
