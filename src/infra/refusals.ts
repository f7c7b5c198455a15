import { UserError } from "../errors.ts";
import type { InfraChanges } from "../plan/model.ts";
import type { ResourceChange } from "./compare-templates.ts";
import { isObject, type Resource, resourceName, type Template } from "./template.ts";
import { referencesOf, sameValue, valueText } from "./values.ts";

type Refusal = InfraChanges["refused"][number];

interface ComparedStack {
  readonly stack: string;
  readonly before: Template | null;
  readonly after: Template | null;
  readonly changes: readonly ResourceChange[];
}

/** The changes of all stacks that CloudFormation refuses, in words with what to do instead. */
export function refusalsOf(compared: readonly ComparedStack[]): Refusal[] {
  return [
    ...compared.flatMap(({ stack, changes }) =>
      changes.flatMap((change) => {
        const why = refusalOf(change);
        return why === undefined ? [] : [{ resource: `${change.name} (${stack})`, why }];
      }),
    ),
    ...exportsInUse(compared),
  ];
}

/** Throws UserError when there is anything that CloudFormation would refuse: half of a change is worse than none. */
export function refuseImpossible({ refused }: Pick<InfraChanges, "refused">): void {
  if (refused.length === 0) return;
  throw new UserError(`CloudFormation would refuse this\n${refused.map(({ resource, why }) => `${resource}: ${why}`).join("\n")}`, {
    hint: "Nothing was changed. Change infra/ as the lines say.",
  });
}

/**
 * Why CloudFormation refuses a change; undefined when it does not. A replacement is made before the old resource goes, so both would have the name
 * ("CloudFormation cannot update a stack when a custom-named resource requires replacing", CloudFormation, "Name Type"); another type needs another
 * logical id ("Update of resource type is not permitted").
 */
export function refusalOf({ action, type, before, after }: ResourceChange): string | undefined {
  if (action !== "replace" || before === null || after === null) return undefined;
  if (before.Type !== after.Type) {
    return `it is a ${before.Type} now, and CloudFormation changes no resource's type: give the ${after.Type} a construct of another name`;
  }
  const property = nameOf(type).find(
    (name) => after.Properties?.[name] !== undefined && sameValue(before.Properties?.[name], after.Properties[name]),
  );
  if (property === undefined) return undefined;
  const name = valueText(after.Properties?.[property]);
  return `it has to be replaced, and CloudFormation cannot while its ${property} stays ${name}: change ${property} as well, or take it out`;
}

/** The property by which a resource is given a name of its author's: `QueueName` of a queue, `Name` of a document. */
function nameOf(type: string): readonly string[] {
  const short = type.split("::").at(-1) ?? "";
  return [`${short}Name`, `${short}Identifier`, "Name", ...(type === "AWS::EC2::SecurityGroup" ? ["GroupName"] : [])];
}

/**
 * An export cannot go or change while another stack imports it (CloudFormation, "Get exported outputs from a deployed CloudFormation stack"), and the stack that
 * imports it comes later: so what is deployed now counts, not what is to come.
 */
function exportsInUse(compared: readonly ComparedStack[]): Refusal[] {
  const imports = compared.flatMap(({ stack, before }) => importsOf(before).map((name) => ({ name, by: stack })));
  return compared.flatMap(({ stack, before, after, changes }) => {
    const [old, next] = [exportsOf(before), exportsOf(after)];
    const replaced = new Set(changes.filter(({ action }) => action === "replace" || action === "delete").map(({ id }) => id));
    return [...old].flatMap(([name, value]): Refusal[] => {
      const users = [...new Set(imports.filter((one) => one.name === name && one.by !== stack).map(({ by }) => by))];
      const stays = next.has(name) && sameValue(next.get(name), value) && !referencesOf(value).some((id) => replaced.has(id));
      if (users.length === 0 || stays) return [];
      const shown = valueText(value, (id) => resourceNameIn(before, id));
      const what = next.has(name) ? "would change" : "would go";
      return [
        {
          resource: `${stack}: export of ${shown}`,
          why: `it ${what} while ${users.join(", ")} still imports it, which CloudFormation refuses: first deploy a version of ${users.join(", ")} that does not (\`exportValue\` keeps the export meanwhile)`,
        },
      ];
    });
  });
}

function exportsOf(template: Template | null): Map<string, unknown> {
  const outputs = isObject(template?.Outputs) ? Object.values(template.Outputs) : [];
  return new Map(
    outputs.flatMap((output): [string, unknown][] => {
      const exported = isObject(output) && isObject(output.Export) ? output.Export.Name : undefined;
      return typeof exported === "string" && isObject(output) ? [[exported, output.Value]] : [];
    }),
  );
}

function importsOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(importsOf);
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([name, given]) =>
    name === "Fn::ImportValue" ? (typeof given === "string" ? [given] : []) : importsOf(given),
  );
}

function resourceNameIn(template: Template | null, id: string): string {
  const resource: Resource | undefined = template?.Resources[id];
  return resource === undefined ? id : resourceName(id, resource);
}
