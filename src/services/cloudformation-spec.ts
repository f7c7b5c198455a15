import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { ReplacementRule } from "../infra/compare-templates.ts";

interface Property {
  readonly causesReplacement?: "yes" | "no" | "maybe";
  readonly type?: { readonly type?: string; readonly reference?: { readonly $ref?: string } };
}

interface Entity {
  readonly $id: string;
  readonly cloudFormationType?: string;
  readonly properties?: Readonly<Record<string, Property>>;
}

/**
 * AWS's own description of every resource type, which the CDK's command line carries for `cdk diff` (its version is pinned by the lock):
 * whether a change of a property replaces the resource. What it does not know counts as "maybe".
 */
export function readReplacementRules(root: string): ReplacementRule {
  const file = createRequire(join(root, "package.json"))
    .resolve("aws-cdk/package.json")
    .replace(/package\.json$/, "db.json.gz");
  const { schema } = JSON.parse(gunzipSync(readFileSync(file)).toString("utf8")) as {
    schema: { resource: { entities: readonly Entity[] }; typeDefinition: { entities: readonly Entity[] } };
  };
  const resources = new Map(schema.resource.entities.map((entity) => [entity.cloudFormationType, entity.properties ?? {}]));
  const parts = new Map(schema.typeDefinition.entities.map((entity) => [entity.$id, entity.properties ?? {}]));
  return (type, path) => {
    const properties = resources.get(type);
    // Resources that a project's own function makes: their updates go to it.
    if (properties === undefined) return type.startsWith("Custom::") ? "no" : "maybe";
    const [first = "", second] = path.split(".");
    const property = properties[first];
    if (property === undefined) return /Policy$|^Condition$|^DependsOn$/.test(first) ? "no" : "maybe";
    const whole = property.causesReplacement ?? "no";
    if (whole !== "no" || second === undefined) return whole;
    return parts.get(property.type?.reference?.$ref ?? "")?.[second]?.causesReplacement ?? "no";
  };
}
