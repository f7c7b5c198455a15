// What the CDK's command line runs (cdk.json): writes the templates of one environment.
//   cdk deploy --all --context environment=preview --context commit=SHA
import { join } from "node:path";
import { App } from "aws-cdk-lib";
import { describeError, exitCodeOf, UserError } from "../src/errors.ts";
import { checkConfig } from "./check-config.ts";
import { type Config, environments } from "./config.ts";
import { makeApp } from "./make-app.ts";

try {
  const given = new App({ autoSynth: false }).node; // for its context only
  const environment: unknown = given.tryGetContext("environment") ?? "production";
  const commit: unknown = given.tryGetContext("commit") ?? null;
  if (typeof environment !== "string" || !Object.hasOwn(environments, environment)) {
    throw new UserError(`infra/config.ts has no environment ${JSON.stringify(environment).slice(0, 80)}`, {
      hint: `Give --context environment= one of: ${Object.keys(environments).join(", ")}.`,
    });
  }
  if (commit !== null && !(typeof commit === "string" && /^[0-9a-f]{40}$/.test(commit))) {
    throw new UserError("--context commit= has to be a whole commit id, 40 hexadecimal digits");
  }
  const config: Config = environments[environment as keyof typeof environments];
  makeApp({
    config: checkConfig(environment, config),
    commit,
    hostBundle: join(import.meta.dirname, "..", "dist", "host"),
  }).synth();
} catch (error) {
  const wrong = refused(error);
  process.stderr.write(`${describeError(wrong)}\n`);
  process.exitCode = exitCodeOf(wrong);
}

/** What the CDK refuses has its reason above: the rules of cdk-nag, or its own. */
function refused(error: unknown): unknown {
  if (!(error instanceof Error) || !/ValidationFailed|ValidationError/.test(`${error.name} ${error.message}`)) return error;
  return new UserError(error.message, { hint: "What is wrong is listed above.", cause: error });
}
