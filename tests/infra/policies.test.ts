import { test } from "uvu";
import * as assert from "uvu/assert";
import { Iam } from "./iam.ts";
import { config, resourcesOf, synthesize } from "./synth.ts";

const { json } = synthesize();
const iam = new Iam(json);
const here = `eu-west-2:${Iam.account}`;
const dags = `arn:aws:s3:::data-pipeline-airflow-dags-${Iam.account}-eu-west-2`;
const staging = `arn:aws:s3:::data-pipeline-staging-data-${Iam.account}-eu-west-2`;
const exports = `arn:aws:s3:::data-pipeline-exports-${Iam.account}-eu-west-2`;
const logs = `arn:aws:s3:::data-pipeline-logs-${Iam.account}-eu-west-2`;
const secret = (name: string): string => `arn:aws:secretsmanager:${here}:secret:data-pipeline/${name}-AbCdEf`;
const document = (name: string): string => `arn:aws:ssm:${here}:document/${name}`;
const instance = `arn:aws:ec2:${here}:instance/i-0123456789abcdef0`;
const theHost = { "ssm:resourceTag/Name": "airflow-server" };
const provider = `arn:aws:iam::${Iam.account}:oidc-provider/token.actions.githubusercontent.com`;

/** Each line: action, resource, what is known of the request. */
type Request = readonly [action: string, resource: string, context?: Readonly<Record<string, string>>];

function expect(role: string, allowed: boolean, requests: readonly Request[]): void {
  for (const [action, resource, context] of requests) {
    assert.is(iam.may(role, action, resource, context), allowed, `${role} ${allowed ? "may" : "may not"} ${action} on ${resource}`);
  }
}

const issuer = "token.actions.githubusercontent.com";
/** What GitHub's token says of a run, and what `more` says otherwise. */
const token = (sub: string, more: Readonly<Record<string, string>> = {}) => ({
  [`${issuer}:aud`]: "sts.amazonaws.com",
  [`${issuer}:sub`]: sub,
  [`${issuer}:repository_id`]: "2002",
  ...Object.fromEntries(Object.entries(more).map(([claim, value]) => [`${issuer}:${claim}`, value])),
});
/** Of a job of a workflow on main, in an environment. */
const job = (environment: string, workflow: string) => ({
  ref: "refs/heads/main",
  environment,
  job_workflow_ref: `acme/pipeline/.github/workflows/${workflow}@refs/heads/main`,
});

test("people outside read releases and staged files, upload files, and see databases and machines; no more", () => {
  expect("data-pipeline-group", true, [
    ["s3:ListBucket", dags],
    ["s3:GetObject", `${dags}/current.json`],
    ["s3:GetObject", `${staging}/staging/x.csv`],
    ["s3:PutObject", `${staging}/uploads/x.csv`],
    ["rds:DescribeDBInstances", "*"],
    ["ec2:DescribeInstances", "*"],
  ]);
  expect("data-pipeline-group", false, [
    ["s3:PutObject", `${dags}/current.json`],
    ["s3:PutObject", `${staging}/staging/x.csv`],
    ["s3:PutObject", `${staging}/markers/x.csv`],
    ["s3:PutObject", `${exports}/x`],
    ["s3:GetObject", `${exports}/x`],
    ["s3:DeleteObject", `${staging}/staging/x.csv`],
    ["s3:GetObject", `${logs}/commands/x`],
    ["secretsmanager:GetSecretValue", secret("connections/dagline_postgres")],
    ["rds:ModifyDBInstance", "*"],
    ["ec2:TerminateInstances", instance],
    ["ssm:SendCommand", document("dagline-reload"), theHost],
    ["iam:CreateAccessKey", "*"],
  ]);
});

test("no access key is made for anybody", () => {
  assert.equal(resourcesOf(json, "AWS::IAM::AccessKey"), []);
});

test("the plan role is taken by the repository's pull requests and its main branch, in both forms of the subject, and by nobody else", () => {
  const may = (sub: string): boolean => iam.mayAssume("data-pipeline-plan", provider, token(sub));
  for (const repository of ["acme/pipeline", "acme@1001/pipeline@2002"]) {
    assert.ok(may(`repo:${repository}:pull_request`), repository);
    assert.ok(may(`repo:${repository}:ref:refs/heads/main`), repository);
    assert.not.ok(may(`repo:${repository}:ref:refs/heads/feature`), repository);
    assert.not.ok(may(`repo:${repository}:environment:production`), repository);
  }
  for (const repository of [
    "acme/other",
    "evil/pipeline",
    "acme@9/pipeline@2002",
    "acme@1001/pipeline@9",
    "acme@1001/pipeline",
    "acme/pipeline2",
  ]) {
    assert.not.ok(may(`repo:${repository}:pull_request`), repository);
  }
  assert.not.ok(
    iam.mayAssume("data-pipeline-plan", provider, {
      ...token("repo:acme/pipeline:pull_request"),
      "token.actions.githubusercontent.com:aud": "evil",
    }),
  );
});

const trusted = [
  ["deploy", "production", ["deploy.yml", "rollback.yml", "backfill.yml"]],
  ["apply", "production-infra", ["deploy.yml"]],
] as const;
for (const [name, environment, workflows] of trusted) {
  test(`the ${name} role is taken by jobs of ${environment} in ${workflows.join(", ")} on main, and by no other run`, () => {
    const role = `data-pipeline-${name}`;
    const sub = `repo:acme/pipeline:environment:${environment}`;
    for (const workflow of workflows) {
      for (const repository of ["acme/pipeline", "acme@1001/pipeline@2002"]) {
        assert.ok(
          iam.mayAssume(role, provider, token(`repo:${repository}:environment:${environment}`, job(environment, workflow))),
          workflow,
        );
      }
    }
    const right = job(environment, "deploy.yml");
    const others: Record<string, string>[] = [
      { ...right, ref: "refs/heads/feature" },
      { ...right, ref: "refs/tags/main" },
      { ...right, environment: "preview" },
      { ...right, repository_id: "9" },
      { ...right, job_workflow_ref: right.job_workflow_ref.replace("main", "feature") },
      { ...right, job_workflow_ref: right.job_workflow_ref.replace("acme/pipeline", "evil/pipeline") },
      job(environment, "drift.yml"),
      job(environment, "preview.yml"),
      {},
    ];
    for (const claims of others) assert.not.ok(iam.mayAssume(role, provider, token(sub, claims)), JSON.stringify(claims));
    for (const other of ["pull_request", "ref:refs/heads/main", "environment:preview"])
      assert.not.ok(iam.mayAssume(role, provider, token(`repo:acme/pipeline:${other}`, right)), other);
  });
}

test("of all that GitHub, people, the host and the loader have, the apply role alone leads to another role", () => {
  for (const name of ["data-pipeline-plan", "data-pipeline-deploy", "data-pipeline-group", "data-pipeline-host", "data-pipeline-loader"]) {
    const onward = iam
      .statementsOf(name)
      .filter(({ Effect }) => Effect === "Allow")
      .flatMap(({ Action }) => [Action].flat())
      .filter(
        (action) =>
          /^(sts|iam|lambda|ec2:Run|ec2:Modify|ssm:Start|ssm:Create|ssm:Update(?!InstanceI|InstanceA|A)|\*)/.test(action) ||
          /^cloudformation:(?!Describe|List|Get)/.test(action),
      );
    assert.equal(onward, [], name);
  }
});

test("the plan role reads releases and stacks, and asks the host for its status; it changes nothing", () => {
  expect("data-pipeline-plan", true, [
    ["s3:ListBucket", dags],
    ["s3:GetObject", `${dags}/current.json`],
    ["cloudformation:GetTemplate", `arn:aws:cloudformation:${here}:stack/data-pipeline-data/1`],
    ["cloudformation:DescribeStacks", `arn:aws:cloudformation:${here}:stack/CDKToolkit/1`],
    ["ssm:SendCommand", document("dagline-status")],
    ["ssm:SendCommand", instance, theHost],
    ["ssm:GetCommandInvocation", "*"],
  ]);
  expect("data-pipeline-plan", false, [
    ["s3:PutObject", `${dags}/current.json`],
    ["s3:GetObject", `${staging}/staging/x.csv`],
    ["ssm:SendCommand", document("dagline-reload")],
    ["ssm:SendCommand", document("dagline-backfill")],
    ["ssm:SendCommand", `arn:aws:ssm:eu-west-2::document/AWS-RunShellScript`],
    ["ssm:SendCommand", instance, { "ssm:resourceTag/Name": "somebody-elses" }],
    ["ssm:CancelCommand", "*"],
    ["ssm:StartSession", instance, theHost],
    ["cloudformation:CreateChangeSet", `arn:aws:cloudformation:${here}:stack/data-pipeline-data/1`],
    ["cloudformation:GetTemplate", `arn:aws:cloudformation:${here}:stack/other/1`],
    ["sts:AssumeRole", `arn:aws:iam::${Iam.account}:role/cdk-hnb659fds-deploy-role-${Iam.account}-eu-west-2`],
    ["secretsmanager:GetSecretValue", secret("connections/dagline_postgres")],
    ["iam:PassRole", "*"],
  ]);
  const writes = iam
    .statementsOf("data-pipeline-plan")
    .flatMap(({ Action }) => [Action].flat())
    .filter((action) => !/:(Get|List|Describe)/.test(action));
  assert.equal([...new Set(writes)], ["ssm:SendCommand"], "the one call that is not reading is for dagline-status");
});

const cdk = (name: string): string => `arn:aws:iam::${Iam.account}:role/cdk-hnb659fds-${name}-role-${Iam.account}-eu-west-2`;

test("the deploy role puts releases and gives the host its commands; it deletes no release, and changes no stack, by itself or by another role", () => {
  expect("data-pipeline-deploy", true, [
    ["s3:PutObject", `${dags}/current.json`],
    ["s3:GetObject", `${dags}/releases/x.json`],
    ["ssm:SendCommand", document("dagline-reload")],
    ["ssm:SendCommand", document("dagline-backfill")],
    ["ssm:SendCommand", instance, theHost],
    ["ssm:CancelCommand", "*"],
    ["cloudformation:DescribeStackEvents", `arn:aws:cloudformation:${here}:stack/data-pipeline-compute/1`],
  ]);
  expect("data-pipeline-deploy", false, [
    ["s3:DeleteObject", `${dags}/current.json`],
    ["s3:DeleteObjectVersion", `${dags}/releases/x.json`],
    ["s3:PutBucketPolicy", dags],
    ["s3:GetObject", `${staging}/staging/x.csv`],
    ["ssm:SendCommand", `arn:aws:ssm:eu-west-2::document/AWS-RunShellScript`],
    ["ssm:SendCommand", instance, { "ssm:resourceTag/Name": "somebody-elses" }],
    ["cloudformation:ExecuteChangeSet", `arn:aws:cloudformation:${here}:stack/data-pipeline-data/1`],
    ["cloudformation:DeleteStack", `arn:aws:cloudformation:${here}:stack/data-pipeline-data/1`],
    ["sts:AssumeRole", cdk("deploy")],
    ["sts:AssumeRole", cdk("file-publishing")],
    ["sts:AssumeRole", cdk("cfn-exec")],
    ["sts:AssumeRole", `arn:aws:iam::${Iam.account}:role/admin`],
    ["secretsmanager:GetSecretValue", secret("connections/dagline_postgres")],
    ["iam:CreateUser", "*"],
  ]);
});

test("the apply role applies these stacks through the roles of CDK's bootstrap; it deploys no release and commands no host", () => {
  expect("data-pipeline-apply", true, [
    ["s3:GetObject", `${dags}/current.json`],
    ["s3:PutObject", `${dags}/infra.json`],
    ["sts:AssumeRole", cdk("deploy")],
    ["sts:AssumeRole", cdk("file-publishing")],
    ["cloudformation:ExecuteChangeSet", `arn:aws:cloudformation:${here}:stack/data-pipeline-data/1`],
    ["cloudformation:CancelUpdateStack", `arn:aws:cloudformation:${here}:stack/data-pipeline-compute/1`],
  ]);
  expect("data-pipeline-apply", false, [
    ["s3:PutObject", `${dags}/current.json`],
    ["s3:PutObject", `${dags}/releases/x.json`],
    ["ssm:SendCommand", document("dagline-reload"), theHost],
    ["sts:AssumeRole", cdk("cfn-exec")],
    ["sts:AssumeRole", `arn:aws:iam::${Iam.account}:role/admin`],
    ["cloudformation:ExecuteChangeSet", `arn:aws:cloudformation:${here}:stack/CDKToolkit/1`],
    ["cloudformation:ExecuteChangeSet", `arn:aws:cloudformation:${here}:stack/data-pipeline-of-another-team/1`],
  ]);
});

test("the host reads releases, stages files, reads its connections' passwords and that of Airflow's database, moves the pointer back; it writes no release", () => {
  assert.ok(iam.mayAssume("data-pipeline-host", "ec2.amazonaws.com"));
  expect("data-pipeline-host", true, [
    ["s3:GetObject", `${dags}/blobs/sha256/x`],
    ["s3:PutObject", `${dags}/current.json`],
    ["s3:PutObject", `${staging}/staging/a/b/c.csv`],
    ["s3:PutObject", `${staging}/markers/a.csv`],
    ["s3:PutObject", `${logs}/commands/x`],
    ["secretsmanager:GetSecretValue", secret("connections/dagline_postgres")],
    ["secretsmanager:GetSecretValue", secret("connections/smtp_default")],
    ["secretsmanager:GetSecretValue", secret("airflow-database")],
    ["ssmmessages:OpenDataChannel", "*"],
    ["logs:PutLogEvents", `arn:aws:logs:${here}:log-group:/data-pipeline/airflow:log-stream:x`],
    ["cloudwatch:PutMetricData", "*", { "cloudwatch:namespace": "dagline" }],
  ]);
  expect("data-pipeline-host", false, [
    ["s3:PutObject", `${dags}/releases/x.json`],
    ["s3:PutObject", `${dags}/blobs/sha256/x`],
    ["s3:DeleteObject", `${dags}/current.json`],
    ["s3:GetObject", `${logs}/s3/dags/x`],
    ["s3:GetObject", `${exports}/x`],
    ["secretsmanager:GetSecretValue", secret("warehouse")],
    ["secretsmanager:GetSecretValue", `arn:aws:secretsmanager:${here}:secret:data-pipeline-preview/connections/smtp_default-AbCdEf`],
    ["secretsmanager:PutSecretValue", secret("airflow-database")],
    ["ssm:GetParameter", `arn:aws:ssm:${here}:parameter/any`],
    ["ssm:SendCommand", document("dagline-reload"), theHost],
    ["cloudwatch:PutMetricData", "*", { "cloudwatch:namespace": "AWS/EC2" }],
    ["logs:PutLogEvents", `arn:aws:logs:${here}:log-group:/aws/lambda/data-pipeline-loader:log-stream:x`],
    ["ec2:RunInstances", "*"],
  ]);
});

test("the Lambda takes markers and reads its passwords; the calls that make its network interface are Lambda's, not its code's", () => {
  const itself = { "lambda:SourceFunctionArn": `arn:aws:lambda:${here}:function:data-pipeline-loader` };
  assert.ok(iam.mayAssume("data-pipeline-loader", "lambda.amazonaws.com"));
  expect("data-pipeline-loader", true, [
    ["sqs:ReceiveMessage", `arn:aws:sqs:${here}:data-pipeline-loads`],
    ["s3:GetObject", `${staging}/markers/x.csv`],
    ["secretsmanager:GetSecretValue", secret("connections/dagline_postgres")],
    ["ec2:CreateNetworkInterface", "*"],
  ]);
  expect("data-pipeline-loader", false, [
    ["ec2:CreateNetworkInterface", "*", itself],
    ["sqs:SendMessage", `arn:aws:sqs:${here}:data-pipeline-loads`],
    ["sqs:ReceiveMessage", `arn:aws:sqs:${here}:data-pipeline-loads-dead`],
    ["s3:PutObject", `${staging}/markers/x.csv`],
    ["s3:GetObject", `${staging}/staging/x.csv`],
    ["secretsmanager:GetSecretValue", secret("airflow-database")],
  ]);
});

test("RDS writes and Redshift reads exports, for this account's own database and cluster alone", () => {
  const ours = { "aws:SourceAccount": Iam.account, "aws:SourceArn": `arn:aws:rds:${here}:db:data-pipeline-database` };
  assert.ok(iam.mayAssume("data-pipeline-rds-export", "rds.amazonaws.com", ours));
  assert.not.ok(iam.mayAssume("data-pipeline-rds-export", "rds.amazonaws.com", { ...ours, "aws:SourceAccount": "999999999999" }));
  expect("data-pipeline-rds-export", true, [["s3:PutObject", `${exports}/x`]]);
  expect("data-pipeline-rds-export", false, [
    ["s3:PutObject", `${staging}/staging/x`],
    ["s3:GetObject", `${exports}/x`],
  ]);
  expect("data-pipeline-redshift-copy", true, [
    ["s3:GetObject", `${exports}/x`],
    ["s3:ListBucket", exports],
  ]);
  expect("data-pipeline-redshift-copy", false, [
    ["s3:ListBucket", staging],
    ["s3:PutObject", `${exports}/x`],
  ]);
});

test("every policy and role says what it is for, and no action has a wildcard", () => {
  for (const [id, { Properties = {} }] of resourcesOf(json, "AWS::IAM::ManagedPolicy"))
    assert.ok(String(Properties.Description ?? "").length > 20, id);
  const ours = resourcesOf(json, "AWS::IAM::Role").filter(([, { Properties }]) => Properties?.RoleName !== undefined);
  assert.is(ours.length, 7);
  for (const [id, { Properties = {} }] of ours) {
    assert.ok(String(Properties.Description ?? "").length > 20, id);
    for (const { Action, Sid } of iam.statementsOf(String(Properties.RoleName))) assert.not.match(String(Action), /\*/, `${id} ${Sid}`);
  }
});

test("an existing provider of GitHub's is used where the account has one", () => {
  const other = synthesize({ ...config, github: { ...config.github, providerArn: provider } });
  assert.equal(resourcesOf(other.json, "AWS::IAM::OIDCProvider"), []);
  assert.ok(new Iam(other.json).mayAssume("data-pipeline-plan", provider, token("repo:acme/pipeline:pull_request")));
});

test.run();
