import type { InfraChanges } from "../plan/model.ts";
import type { ResourceChange } from "./compare-templates.ts";
import { isObject, listOf } from "./template.ts";
import { sameValue } from "./values.ts";

type Change = InfraChanges["changes"][number];

export interface Tagged {
  readonly stack: string;
  readonly name: string;
  /** The tags' keys. */
  readonly keys: readonly string[];
}

/** Everything of which nothing but tags changes, as one line of the plan. */
export function tagsLine(tagged: readonly Tagged[]): Change[] {
  if (tagged.length === 0) return [];
  const keys = [...new Set(tagged.flatMap((one) => one.keys))].sort();
  return [
    {
      stack: [...new Set(tagged.map(({ stack }) => stack))].join(", "),
      resource: tagged.length === 1 ? (tagged[0]?.name ?? "") : `${tagged.length} resources`,
      type: "tags",
      action: "update",
      reason: `only tags change${keys.length === 0 ? "" : `: ${keys.join(", ")}`}`,
    },
  ];
}

/** The keys of the tags that a change of tags is about. */
export function changedTags({ before, after, properties }: ResourceChange): string[] {
  const keys = properties.flatMap((property) => {
    const read = (of: ResourceChange["before"]): Map<string, unknown> => tagsOf(valueAt(of?.Properties ?? {}, property), property);
    const [old, next] = [read(before), read(after)];
    return [...new Set([...old.keys(), ...next.keys()])].filter((key) => !sameValue(old.get(key), next.get(key)));
  });
  return [...new Set(keys)].sort();
}

function tagsOf(value: unknown, property: string): Map<string, unknown> {
  if (!Array.isArray(value) && !isObject(value)) return new Map([[property.split(".").at(-1) ?? "", value]]);
  if (isObject(value)) return new Map(Object.entries(value));
  return new Map(listOf(value).flatMap((tag) => (isObject(tag) ? [[String(tag.Key), tag.Value] as const] : [])));
}

/** `Code.S3Key` of a resource's properties. */
export function valueAt(properties: Readonly<Record<string, unknown>>, path: string): unknown {
  return path.split(".").reduce<unknown>((value, key) => (isObject(value) ? value[key] : undefined), properties);
}

/** Whether a resource changes in nothing but its tags. */
export function isTagsOnly({ action, properties }: ResourceChange): boolean {
  return (
    action === "update" &&
    properties.length > 0 &&
    properties.every((property) => /(?:^|\.)Tags?(?:$|\.)|(?:^|\.)TagSpecifications$/.test(property))
  );
}
