import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { TransientError, UserError } from "../../src/errors.ts";
import { CdkCli } from "../../src/services/cdk.ts";
import { thrownBy } from "../../src/testkit/thrown-by.ts";

// In CDK's place a program that says what CDK says when AWS refuses it: the roles of the bootstrap, which moto does not check, are in between.
const root = mkdtempSync(join(tmpdir(), "dagline-cdk-"));
const program = join(root, "node_modules", "aws-cdk");
mkdirSync(join(program, "bin"), { recursive: true });
writeFileSync(join(root, "package.json"), "{}");
writeFileSync(join(program, "package.json"), '{"name":"aws-cdk"}');
test.after(() => rmSync(root, { recursive: true }));

const cases: readonly [said: string, kind: typeof UserError | typeof TransientError, message: RegExp, hint: RegExp][] = [
  [
    "data: SSM parameter /cdk-bootstrap/hnb659fds/version not found. Has the environment been bootstrapped?",
    UserError,
    /^stack data could not be prepared: the AWS account is not prepared for CDK\n/,
    /npx cdk bootstrap aws:\/\/ACCOUNT\/REGION/,
  ],
  [
    "❌ data failed: AccessDenied: User: arn:aws:sts::1:assumed-role/x is not authorized to perform: sts:AssumeRole on resource: cdk-hnb659fds-deploy-role",
    UserError,
    /access denied\n/,
    /The deploy role needs the permission sts:AssumeRole/,
  ],
  ["LimitExceededException: Limit for stack has been exceeded", UserError, /a quota of the account is used up/, /Service Quotas/],
  ["Need to perform AWS calls for account 1, but no credentials have been configured", UserError, /no usable AWS credentials/, /Sign in/],
  ["getaddrinfo ENOTFOUND cloudformation.eu-west-2.amazonaws.com", TransientError, /could not be reached/, /Try again/],
  ["something nobody has seen", UserError, /CDK failed\nsomething nobody has seen/, /Mend infra\//],
];

for (const [said, kind, message, hint] of cases) {
  test(`CDK's "${said.slice(0, 60)}" becomes one message with what to do`, async () => {
    writeFileSync(
      join(program, "bin", "cdk"),
      `process.stderr.write(${JSON.stringify(`${said}\n    at a (b.js:1:1)\n`)}); process.exit(1);`,
    );
    const options = { region: "eu-west-2", signal: new AbortController().signal, onLine: () => undefined };
    const error = (await thrownBy(new CdkCli(root).prepareChangeSet(root, "data", "change", options))) as UserError;
    assert.instance(error, kind);
    assert.match(error.message, message);
    assert.not.match(error.message, /b\.js/);
    assert.match(error.hint ?? "", hint);
    assert.match(error.hint ?? "", /Nothing of this stack was changed\./);
  });
}

test.run();
