// What CDK's command line runs in deploy.cloud.test.ts: the app as it is, but for what moto's CloudFormation lacks and something else refers to.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Stack } from "aws-cdk-lib";
import { makeApp } from "../../infra/make-app.ts";
import { root } from "../../local/paths.ts";
import { config, type TemplateJson } from "./synth.ts";

const app = makeApp({ config, commit: null, hostBundle: join(root, "dist", "host"), checked: false });
for (const child of app.node.children) {
  // moto has no UpdateTerminationProtection.
  if (Stack.isStack(child)) child.terminationProtection = false;
}
const { directory } = app.synth();
for (const file of readdirSync(directory).filter((name) => name.endsWith(".template.json"))) {
  const template = JSON.parse(readFileSync(join(directory, file), "utf8")) as TemplateJson;
  writeFileSync(join(directory, file), JSON.stringify(standIns(template, template)));
}

/** moto passes over a secret: who refers to one gets an ARN, and the database a password that stands here. Redshift tells no secret of its own. */
function standIns(value: unknown, template: TemplateJson): unknown {
  if (Array.isArray(value)) return value.map((one) => standIns(one, template));
  if (typeof value !== "object" || value === null) return value;
  // moto has no parameters of Canonical's, but this image.
  if ((value as { Type?: unknown }).Type === "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>")
    return { Type: "String", Default: "ami-12c6146b" };
  const { Ref, "Fn::GetAtt": get } = value as { Ref?: string; "Fn::GetAtt"?: string[] };
  const referred = template.Resources[Ref ?? ""];
  if (referred?.Type.startsWith("AWS::SecretsManager::Secret")) return secretArn(Ref ?? "", template);
  if (template.Resources[get?.[0] ?? ""]?.Type === "AWS::CloudWatch::Alarm")
    return `arn:aws:cloudwatch:eu-west-2:123456789012:alarm:${get?.[0]}`;
  if (get?.[1] === "MasterPasswordSecretArn") return arn("redshift-master");
  return Object.fromEntries(
    // moto cannot refer to a parameter group.
    Object.entries(value)
      .filter(([key]) => key !== "DBParameterGroupName")
      .map(([key, inner]) => [key, key === "MasterUserPassword" ? "kept-in-no-secret" : standIns(inner, template)]),
  );
}

function secretArn(id: string, template: TemplateJson): string {
  const { Properties = {} } = template.Resources[id] ?? {};
  const { Ref } = (Properties.SecretId ?? {}) as { Ref?: string };
  return Ref === undefined ? arn(String(Properties.Name)) : secretArn(Ref, template);
}

function arn(name: string): string {
  return `arn:aws:secretsmanager:eu-west-2:123456789012:secret:${name}-AbCdEf`;
}
