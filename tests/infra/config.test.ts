import { spawnSync } from "node:child_process";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { checkConfig } from "../../infra/check-config.ts";
import { type Config, environments } from "../../infra/config.ts";
import { root } from "../../local/paths.ts";
import { UserError } from "../../src/errors.ts";

const production: Config = environments.production;

function problem(changed: Partial<Config>): string {
  try {
    checkConfig("production", { ...production, ...changed });
  } catch (error) {
    assert.instance(error, UserError);
    return (error as UserError).message;
  }
  return "";
}

test("both environments are right as they are", () => {
  for (const [name, config] of Object.entries(environments)) assert.is(checkConfig(name, config), config);
});

test("a wrong value is told by its key, with what fits", () => {
  const { host, network, github, database } = production;
  const slips: [Partial<Config>, RegExp][] = [
    [{ prefix: "Data_Pipeline" }, /production\.prefix has to be at most 24 small letters/],
    [{ region: "london" }, /production\.region has to be a region such as eu-west-2, not "london"/],
    [{ account: "123" }, /production\.account has to be 12 digits, or null/],
    [{ owner: "" }, /production\.owner has to be 1 to 128/],
    [{ buckets: { dags: "My_Bucket", staging: null, exports: null, logs: null } }, /production\.buckets\.dags has to be 3 to 63/],
    [{ host: { ...host, ...{ webFrom: [] } } }, /production\.host\.webFrom is no setting any more: Session Manager forwards the port/],
    [{ host: { ...host, size: "t4g.large" } }, /production\.host\.size has to be an instance type for x86-64/],
    [{ host: { ...host, ubuntu: "latest" } }, /production\.host\.ubuntu has to be 24\.04\/stable\/SERIAL/],
    [{ network: { ...network, cidr: "10.0.0.0/28" } }, /production\.network\.cidr/],
    [{ network: { ...network, endpoints: [] } }, /production\.network\.endpoints has to have secretsmanager/],
    [{ github: { ...github, branch: "*" } }, /production\.github\.branch has to be a branch's name, without a wildcard/],
    [{ github: { ...github, owner: "acme/*" } }, /production\.github\.owner/],
    [{ github: { ...github, providerArn: "arn:aws:iam::1:saml-provider/x" } }, /production\.github\.providerArn/],
    [{ database: { ...database, size: "db.t4g.medium" } }, /production\.database\.size has to be an instance class without db\./],
    [{ warehouse: { kind: "provisioned", nodeType: "dc2.large", nodes: 1 } }, /production\.warehouse\.nodeType has to be one of ra3/],
    [{ watching: { email: "nobody", monthlyBudgetUsd: 1, logDays: 90 } }, /production\.watching\.email/],
    [{ watching: { email: null, monthlyBudgetUsd: 1, logDays: 91 } }, /production\.watching\.logDays has to be one of/],
  ];
  for (const [changed, expected] of slips) assert.match(problem(changed), expected);
});

test("what AWS refuses is refused here", () => {
  const { host, network, database } = production;
  const cluster = (nodeType: string, nodes: number): Partial<Config> => ({ warehouse: { kind: "provisioned", nodeType, nodes } });
  const bucket = (name: string): Partial<Config> => ({ buckets: { dags: name, staging: null, exports: null, logs: null } });
  const refused: [Partial<Config>, RegExp][] = [
    ...[5, 7, 9, 12, 513, 1032].map((baseRpus): [Partial<Config>, RegExp] => [
      { warehouse: { kind: "serverless", baseRpus } },
      /baseRpus has to be 4, or a multiple of 8/,
    ]),
    [cluster("ra3.4xlarge", 1), /nodes has to be 2 to 128 of ra3\.4xlarge/],
    [cluster("ra3.16xlarge", 1), /nodes has to be 2/],
    [cluster("ra3.xlplus", 33), /nodes has to be 1 to 32/],
    [cluster("rg.4xlarge", 1), /nodes has to be 2/],
    [{ region: "us-gov-west-1" }, /partition `aws`/],
    [{ region: "cn-north-1" }, /partition `aws`/],
    [{ buckets: { dags: "one", staging: "one", exports: null, logs: null } }, /buckets\.dags has to be a bucket of its own; .*staging/],
    ...["xn--data", "sthree-data", "amzn-s3-demo-data", "data-s3alias", "data--ol-s3"].map((name): [Partial<Config>, RegExp] => [
      bucket(name),
      /buckets\.dags/,
    ]),
    [{ network: { ...network, cidr: "10.40.3.7/20" } }, /network\.cidr has to be a private/],
    [{ network: { ...network, cidr: "8.8.0.0/16" } }, /network\.cidr has to be a private/],
    [{ network: { ...network, cidr: "172.32.0.0/16" } }, /network\.cidr has to be a private/],
    [{ host: { ...host, ubuntu: "22.04/stable/20260313" } }, /bootstrap\.sh is for that release/],
    [{ host: { ...host, ubuntu: "26.04/stable/20260501" } }, /bootstrap\.sh is for that release/],
    [{ host: { ...host, size: "t3.nano" } }, /host\.size has to be medium or larger/],
    [{ database: { ...database, size: "t4g.nano" } }, /database\.size has to be micro or larger/],
    [{ owner: "aws:foo" }, /owner .* not to begin with aws:/],
    [{ prefix: "aws-data" }, /prefix may not begin with aws/],
  ];
  for (const [changed, expected] of refused) assert.match(problem(changed), expected, JSON.stringify(changed));
  for (const taken of [cluster("rg.xlarge", 1), cluster("ra3.4xlarge", 2), { warehouse: { kind: "serverless", baseRpus: 4 } }] as const)
    assert.is(problem(taken), "", JSON.stringify(taken));
});

test("all wrong values are told together", () => {
  assert.match(problem({ region: "x", account: "y" }), /production\.region .*; production\.account /);
});

test("an unknown environment or a short commit is refused in one line", () => {
  const run = (context: Record<string, string>) =>
    spawnSync(process.execPath, ["infra/app.ts"], {
      cwd: root,
      encoding: "utf8",
      env: { ...process.env, CDK_CONTEXT_JSON: JSON.stringify(context) },
    });
  const unknown = run({ environment: "prod" });
  assert.is(unknown.status, 1);
  assert.match(
    unknown.stderr,
    /infra\/config\.ts has no environment "prod"\n {2}Give --context environment= one of: production, preview\.\n$/,
  );
  const commit = run({ commit: "main" });
  assert.is(commit.status, 1);
  assert.match(commit.stderr, /has to be a whole commit id/);
});

test.run();
