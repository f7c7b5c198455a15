import { sha256 } from "../ids.ts";
import type { InfraChanges } from "../plan/model.ts";
import { canonicalJson } from "../release/canonical-json.ts";
import { compareTemplates, type ReplacementRule, type ResourceChange } from "./compare-templates.ts";
import { causesText, dataLoss, guardsLost } from "./data-types.ts";
import { wideNetworks } from "./network.ts";
import { widePermissions } from "./permissions.ts";
import { isObject, listOf, resourceName, type Template } from "./template.ts";
import { sameValue } from "./values.ts";

/** One stack: what is deployed, and what is to be. */
export interface StackTemplates {
  readonly stack: string;
  /** null: there is no such stack yet. */
  readonly before: Template | null;
  /** null: the app no longer has it. */
  readonly after: Template | null;
}

type Change = InfraChanges["changes"][number];

/**
 * What deploying the templates would change, for the plan: changes that touch nothing but tags are one line. What widens access and what
 * loses data is said in words. The digest covers what changes, without the values of tags: a tag may hold the commit, which differs
 * between a pull request and its merge. Pure.
 */
export function planInfra(stacks: readonly StackTemplates[], rule: ReplacementRule): InfraChanges {
  const compared = stacks.map((one) => ({ ...one, changes: compareTemplates(one.before, one.after, rule) }));
  const all = compared.flatMap(({ stack, changes }) => changes.map((change) => ({ stack, change })));
  const tagged = all.filter(({ change }) => isTagsOnly(change));
  const others = all.filter(({ change }) => !isTagsOnly(change));
  const beside = compared.flatMap((one) => (one.changes.length > 0 ? [] : besideResources(one)));
  const result = {
    changes: [...others.sort(byWeight).map(({ stack, change }) => describe(stack, change)), ...beside, ...tagsLine(tagged)],
    widened: [...new Set(compared.flatMap(widened))],
    destructive: others.flatMap(({ stack, change }) => {
      const why = dataLoss(change);
      return why === undefined ? [] : [{ resource: `${change.name} (${stack})`, why }];
    }),
  };
  return {
    ...result,
    digest: sha256(
      canonicalJson([
        others.map(({ stack, change }) => detail(stack, change)),
        beside,
        tagged.map(({ stack, change }) => [stack, change.id]),
      ]),
    ),
  };
}

function widened({ before, after }: StackTemplates): string[] {
  const [old, next] = [before ?? { Resources: {} }, after ?? { Resources: {} }];
  const nameOf = (id: string): string => {
    const resource = next.Resources[id] ?? old.Resources[id];
    return resource === undefined ? id : resourceName(id, resource);
  };
  return [...widePermissions(old, next, nameOf), ...wideNetworks(old, next, nameOf)];
}

/** What loses or moves something first. */
function byWeight(a: { change: ResourceChange }, b: { change: ResourceChange }): number {
  const order = ["replace", "delete", "create", "update"];
  return order.indexOf(a.change.action) - order.indexOf(b.change.action);
}

function describe(stack: string, change: ResourceChange): Change {
  const reason = reasonOf(change);
  return { stack, resource: change.name, type: change.type, action: change.action, ...(reason === undefined ? {} : { reason }) };
}

function reasonOf(change: ResourceChange): string | undefined {
  const { action, properties, maybeReplaced, after } = change;
  const guards = guardsLost(change);
  const and = guards.length === 0 ? "" : `; ${guards.join("; ")}`;
  if (action === "replace") return `replaced because ${causesText(change)}${and}`;
  if (action !== "update") return undefined;
  if (properties.every(isCode)) return `its code changes${and}`;
  const may = maybeReplaced ? "; CloudFormation may replace it" : "";
  const shown = properties.slice(0, 8).join(", ");
  const what =
    properties.length > 8
      ? `${shown} and ${properties.length - 8} more change`
      : `${shown} ${properties.length === 1 ? "changes" : "change"}`;
  return `${what}${after?.Type.startsWith("AWS::IAM::") ? " (permissions)" : ""}${may}${and}`;
}

/** A Lambda function's zip has its digest as its name. */
function isCode(property: string): boolean {
  return /^(Code|Content)(\.(S3Key|S3Bucket|S3ObjectVersion|ImageUri|ZipFile))?$/.test(property);
}

function isTagsOnly({ action, properties }: ResourceChange): boolean {
  return (
    action === "update" &&
    properties.length > 0 &&
    properties.every((property) => /(?:^|\.)Tags?(?:$|\.)|(?:^|\.)TagSpecifications$/.test(property))
  );
}

function tagsLine(tagged: readonly { stack: string; change: ResourceChange }[]): Change[] {
  if (tagged.length === 0) return [];
  const keys = [...new Set(tagged.flatMap(({ change }) => changedTags(change)))].sort();
  return [
    {
      stack: [...new Set(tagged.map(({ stack }) => stack))].join(", "),
      resource: tagged.length === 1 ? (tagged[0]?.change.name ?? "") : `${tagged.length} resources`,
      type: "tags",
      action: "update",
      reason: `only tags change${keys.length === 0 ? "" : `: ${keys.join(", ")}`}`,
    },
  ];
}

function changedTags({ before, after, properties }: ResourceChange): string[] {
  return properties.flatMap((property) => {
    const read = (of: ResourceChange["before"]): Map<string, unknown> => tagsOf(valueAt(of?.Properties ?? {}, property), property);
    const [old, next] = [read(before), read(after)];
    return [...new Set([...old.keys(), ...next.keys()])].filter((key) => !sameValue(old.get(key), next.get(key)));
  });
}

function tagsOf(value: unknown, property: string): Map<string, unknown> {
  if (!Array.isArray(value) && !isObject(value)) return new Map([[property.split(".").at(-1) ?? "", value]]);
  if (isObject(value)) return new Map(Object.entries(value));
  return new Map(listOf(value).flatMap((tag) => (isObject(tag) ? [[String(tag.Key), tag.Value] as const] : [])));
}

function valueAt(properties: Readonly<Record<string, unknown>>, path: string): unknown {
  return path.split(".").reduce<unknown>((value, key) => (isObject(value) ? value[key] : undefined), properties);
}

/** Outputs, parameters and the like, when no resource differs. */
function besideResources({ stack, before, after }: StackTemplates): Change[] {
  if (before === null || after === null) return [];
  const sections = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    (section) => section !== "Resources" && section !== "Metadata" && !sameValue(before[section], after[section]),
  );
  return sections.length === 0
    ? []
    : [{ stack, resource: stack, type: "template", action: "update", reason: `${sections.sort().join(", ")} change` }];
}

/** All that makes one plan another one. */
function detail(stack: string, { id, type, action, before, after, properties, causes }: ResourceChange): unknown {
  const values = (of: ResourceChange["before"]) =>
    of === null
      ? null
      : action === "create" || action === "delete" || action === "replace"
        ? { ...of, Metadata: undefined }
        : properties.map((property) => valueAt({ ...of, ...of.Properties }, property) ?? null);
  return { stack, id, type, action, properties, causes, before: withoutTags(values(before)), after: withoutTags(values(after)) };
}

function withoutTags(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutTags);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).flatMap(([key, one]) => (/^Tags?$/.test(key) ? [] : [[key, withoutTags(one)]])));
}
