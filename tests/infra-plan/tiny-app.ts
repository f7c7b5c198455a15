import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../local/paths.ts";

/** What the test changes about the app. */
export interface TinyApp {
  readonly topic: string;
  readonly code: string;
  readonly bucketName?: string;
  /** The name of one more bucket. */
  readonly another?: string;
}

/** A project with a CDK app of two stacks: a bucket that stays, and what refers to it, with a file asset. */
export function writeTinyApp(dir: string, app: TinyApp): void {
  mkdirSync(join(dir, "scrapes"), { recursive: true });
  mkdirSync(join(dir, "code"), { recursive: true });
  writeFileSync(join(dir, "code/index.mjs"), app.code);
  writeFileSync(join(dir, "package.json"), '{"type":"module"}');
  writeFileSync(join(dir, "cdk.json"), '{"app":"node app.ts","versionReporting":false}');
  writeFileSync(join(dir, "settings.json"), JSON.stringify(app));
  writeFileSync(join(dir, "app.ts"), source);
  try {
    symlinkSync(join(root, "node_modules"), join(dir, "node_modules"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

const source = `
import { readFileSync } from "node:fs";
import { App, CfnOutput, RemovalPolicy, Stack } from "aws-cdk-lib";
import { Bucket } from "aws-cdk-lib/aws-s3";
import { Asset } from "aws-cdk-lib/aws-s3-assets";
import { Topic } from "aws-cdk-lib/aws-sns";
import { StringParameter } from "aws-cdk-lib/aws-ssm";

if (process.env.AWS_SECRET_ACCESS_KEY !== undefined) throw new Error("the app sees credentials");
const settings = JSON.parse(readFileSync("settings.json", "utf8"));
const app = new App();
const env = { account: process.env.CDK_DEFAULT_ACCOUNT, region: process.env.CDK_DEFAULT_REGION };
const tags = { owner: "data", commit: app.node.tryGetContext("commit") ?? "none" };
const data = new Stack(app, "tiny-data", { env, tags });
const bucket = new Bucket(data, "Bucket", { removalPolicy: RemovalPolicy.RETAIN, bucketName: settings.bucketName });
new CfnOutput(data, "DagsBucket", { value: bucket.bucketName });
const compute = new Stack(app, "tiny-compute", { env, tags });
const code = new Asset(compute, "Code", { path: "code" });
new StringParameter(compute, "CodeKey", { parameterName: "/tiny/code", stringValue: code.s3ObjectKey });
new StringParameter(compute, "BucketName", { parameterName: "/tiny/bucket", stringValue: bucket.bucketName });
new Topic(compute, "Topic", { displayName: settings.topic });
if (settings.another !== undefined) new Bucket(compute, "Another", { bucketName: settings.another });
app.synth();
`;
