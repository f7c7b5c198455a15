import { isObject, type Resource, resourceName, type Template } from "./template.ts";
import { referencesOf, sameValue } from "./values.ts";

/** Whether a change of a property makes CloudFormation put a new resource in the old one's place. `property`: `DBName`, `Code.S3Key`. */
export type ReplacementRule = (type: string, property: string) => "yes" | "maybe" | "no";

/** One resource that differs, in detail. */
export interface ResourceChange {
  readonly id: string;
  /** As its author knows it. */
  readonly name: string;
  readonly type: string;
  readonly action: "create" | "update" | "replace" | "delete";
  /** For an update: whether CloudFormation may replace it all the same, which shows in the change set only. */
  readonly maybeReplaced: boolean;
  readonly before: Resource | null;
  readonly after: Resource | null;
  /** The properties that differ, the deepest that are named: `Tags`, `Code.S3Key`. Empty when the resource comes or goes. */
  readonly properties: readonly string[];
  /** Why it is replaced, or may be: the properties, and of each the resource that drags it along. */
  readonly causes: readonly { readonly property: string; readonly because: string | null }[];
}

const NEW: Template = { Resources: {} };

/** What differs between a deployed template and the one to come, by resource. `before` null: no such stack yet. `after` null: it goes. */
export function compareTemplates(before: Template | null, after: Template | null, rule: ReplacementRule): ResourceChange[] {
  const [old, next] = [before ?? NEW, after ?? NEW];
  const ids = [...new Set([...Object.keys(old.Resources), ...Object.keys(next.Resources)])].sort();
  const changes = ids.flatMap((id) => changeOf(id, old.Resources[id] ?? null, next.Resources[id] ?? null, rule));
  return dragAlong(changes, next, rule);
}

function changeOf(id: string, before: Resource | null, after: Resource | null, rule: ReplacementRule): ResourceChange[] {
  const resource = after ?? before;
  if (resource === null) return [];
  const base = {
    id,
    name: resourceName(id, resource),
    type: resource.Type,
    before,
    after,
    maybeReplaced: false,
    properties: [],
    causes: [],
  };
  if (before === null) return [{ ...base, action: "create" }];
  if (after === null) return [{ ...base, action: "delete" }];
  if (before.Type !== after.Type) {
    return [{ ...base, action: "replace", causes: [{ property: "Type", because: null }] }];
  }
  const properties = differingPaths(before.Properties ?? {}, after.Properties ?? {}, "", 0);
  const attributes = (["DeletionPolicy", "UpdateReplacePolicy", "Condition", "DependsOn"] as const).filter(
    (name) => !sameValue(before[name], after[name]),
  );
  if (properties.length + attributes.length === 0) return [];
  const rules = properties.map((property) => ({ property, rule: rule(after.Type, property) }));
  const certain = rules.filter((one) => one.rule === "yes");
  const possible = rules.filter((one) => one.rule === "maybe");
  const causes = (certain.length > 0 ? certain : possible).map(({ property }) => ({ property, because: null }));
  return [
    {
      ...base,
      action: certain.length > 0 ? "replace" : "update",
      maybeReplaced: certain.length === 0 && possible.length > 0,
      properties: [...properties, ...attributes],
      causes,
    },
  ];
}

/** Two levels deep: a rule may be for a part (`Code.S3Key`), and a reviewer wants no deeper path. */
function differingPaths(a: Readonly<Record<string, unknown>>, b: Readonly<Record<string, unknown>>, path: string, depth: number): string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].sort().flatMap((key) => {
    const [one, other] = [a[key], b[key]];
    if (sameValue(one, other)) return [];
    const here = `${path}${key}`;
    const deeper = depth < 1 && isObject(one) && isObject(other) && !isIntrinsic(one) && !isIntrinsic(other);
    return deeper ? differingPaths(one, other, `${here}.`, depth + 1) : [here];
  });
}

function isIntrinsic(value: Readonly<Record<string, unknown>>): boolean {
  const [only, ...others] = Object.keys(value);
  return only !== undefined && others.length === 0 && (only === "Ref" || only.startsWith("Fn::"));
}

/** A new resource has another id: whoever names it by a property that cannot change is replaced, too, and so on. */
function dragAlong(changes: readonly ResourceChange[], next: Template, rule: ReplacementRule): ResourceChange[] {
  const byId = new Map(changes.map((change) => [change.id, change]));
  for (let grew = true; grew; ) {
    grew = false;
    for (const [id, resource] of Object.entries(next.Resources)) {
      const known = byId.get(id);
      if (known !== undefined && known.action !== "update") continue;
      const causes = Object.entries(resource.Properties ?? {}).flatMap(([property, value]) => {
        if (rule(resource.Type, property) !== "yes") return [];
        const replaced = referencesOf(value).find((other) => byId.get(other)?.action === "replace");
        return replaced === undefined ? [] : [{ property, because: byId.get(replaced)?.name ?? replaced }];
      });
      if (causes.length === 0) continue;
      const name = resourceName(id, resource);
      const base = known ?? { id, name, type: resource.Type, before: resource, after: resource, properties: [] };
      byId.set(id, { ...base, action: "replace", maybeReplaced: false, causes });
      grew = true;
    }
  }
  return [...byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}
