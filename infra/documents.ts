import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { CfnDocument } from "aws-cdk-lib/aws-ssm";
import type { Construct } from "constructs";
import { load } from "js-yaml";

const folder = join(import.meta.dirname, "ssm");

/** The commands that people and workflows give the host, by name: `dagline-reload` and so on, from `infra/ssm/*.yml`. */
export const documentNames: readonly string[] = readdirSync(folder)
  .filter((file) => file.endsWith(".yml"))
  .map((file) => basename(file, ".yml"))
  .sort();

/** Makes each file of `infra/ssm` a document of SSM. */
export function addDocuments(scope: Construct): void {
  for (const name of documentNames) {
    new CfnDocument(scope, `Document-${name}`, {
      name,
      documentType: "Command",
      documentFormat: "JSON",
      targetType: "/AWS::EC2::Instance",
      // A document with a name of its own cannot be replaced by one of the same name.
      updateMethod: "NewVersion",
      content: load(readFileSync(join(folder, `${name}.yml`), "utf8")),
    });
  }
}
