import { sha256 } from "../ids.ts";
import type { InfraChanges } from "../plan/model.ts";
import { canonicalJson } from "../release/canonical-json.ts";
import { compareTemplates, type ReplacementRule, type ResourceChange } from "./compare-templates.ts";
import { causesText, dataLoss, guardsLost } from "./data-types.ts";
import { wideNetworks } from "./network.ts";
import { widePermissions } from "./permissions.ts";
import { refusalOf, refusalsOf } from "./refusals.ts";
import { changedTags, isTagsOnly, tagsLine, valueAt } from "./tags.ts";
import { isObject, resourceName, type Template } from "./template.ts";
import { sameValue } from "./values.ts";

/** One stack: what is deployed, and what is to be. */
export interface StackTemplates {
  readonly stack: string;
  /** null: there is no such stack yet. */
  readonly before: Template | null;
  /** null: the app no longer has it. */
  readonly after: Template | null;
  /** The keys of the stack's own tags that differ. */
  readonly tags?: readonly string[];
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
  const others = all.filter(({ change }) => !isTagsOnly(change));
  const tagged = [
    ...stacks.flatMap(({ stack, tags = [] }) =>
      tags.length === 0 ? [] : [{ stack, name: "the stack with all that is in it", keys: tags }],
    ),
    ...all.filter(({ change }) => isTagsOnly(change)).map(({ stack, change }) => ({ stack, name: change.name, keys: changedTags(change) })),
  ];
  const beside = compared.flatMap((one) => (one.changes.length > 0 ? [] : besideResources(one)));
  const result = {
    changes: [...others.sort(byWeight).map(({ stack, change }) => describe(stack, change)), ...beside, ...tagsLine(tagged)],
    widened: [...new Set(compared.flatMap(widened))],
    destructive: others.flatMap(({ stack, change }) => {
      // What CloudFormation refuses loses nothing.
      const why = refusalOf(change) === undefined ? dataLoss(change) : undefined;
      return why === undefined ? [] : [{ resource: `${change.name} (${stack})`, why }];
    }),
    refused: refusalsOf(compared),
  };
  return {
    ...result,
    digest: sha256(
      canonicalJson([
        others.map(({ stack, change }) => detail(stack, change)),
        compared.map(sections).filter((one) => one !== null),
        beside,
        tagged,
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

/** What differs beside the resources: outputs, and with them exports. */
function sections({ stack, before, after }: StackTemplates): unknown {
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])].sort();
  const differing = names.filter((name) => name !== "Resources" && name !== "Metadata" && !sameValue(before?.[name], after?.[name]));
  return differing.length === 0 ? null : { stack, after: Object.fromEntries(differing.map((name) => [name, after?.[name] ?? null])) };
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
