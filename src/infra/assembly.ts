import { UserError } from "../errors.ts";
import { parseTemplate, type Template } from "./template.ts";

/** A stack of a cloud assembly: what CDK makes of the app. */
export interface AssemblyStack {
  /** As CDK's command line selects it. */
  readonly id: string;
  /** As CloudFormation knows it. */
  readonly name: string;
  readonly template: Template;
  readonly tags: Readonly<Record<string, string>>;
  /** The least version of the bootstrap stack that it needs; null: it needs none. */
  readonly bootstrapVersion: number | null;
}

interface Artifact {
  readonly type: string;
  readonly displayName?: string;
  readonly dependencies?: readonly string[];
  readonly properties?: {
    readonly templateFile?: string;
    readonly stackName?: string;
    readonly directoryName?: string;
    readonly tags?: Readonly<Record<string, string>>;
    readonly requiresBootstrapStackVersion?: number;
  };
}

/**
 * The stacks of an assembly, each after those that it depends on. `read` gives a file of the assembly's folder as text.
 * Throws UserError when it is no assembly, or when the app makes two stacks of one name.
 */
export function readAssembly(read: (file: string) => string): AssemblyStack[] {
  const stacks = readFolder(read, "");
  const twice = stacks.find(({ name }, index) => stacks.findIndex((other) => other.name === name) !== index);
  if (twice !== undefined)
    throw new UserError(`infra/ makes two stacks named ${twice.name}`, { hint: "Stacks of one region need names of their own." });
  return stacks;
}

function readFolder(read: (file: string) => string, folder: string): AssemblyStack[] {
  const { artifacts } = JSON.parse(read(`${folder}manifest.json`)) as { artifacts?: Readonly<Record<string, Artifact>> };
  const all = artifacts ?? {};
  return inOrder(all).flatMap((id): AssemblyStack[] => {
    const artifact = all[id];
    const properties = artifact?.properties ?? {};
    if (artifact?.type === "cdk:cloud-assembly" && properties.directoryName !== undefined)
      return readFolder(read, `${folder}${properties.directoryName}/`);
    if (artifact?.type !== "aws:cloudformation:stack" || properties.templateFile === undefined) return [];
    return [
      {
        id: artifact.displayName ?? id,
        name: properties.stackName ?? id,
        template: parseTemplate(read(`${folder}${properties.templateFile}`)),
        tags: properties.tags ?? {},
        bootstrapVersion: properties.requiresBootstrapStackVersion ?? null,
      },
    ];
  });
}

function inOrder(artifacts: Readonly<Record<string, Artifact>>): string[] {
  const order: string[] = [];
  const seen = new Set<string>();
  const visit = (id: string): void => {
    if (seen.has(id)) return;
    seen.add(id);
    for (const dependency of [...(artifacts[id]?.dependencies ?? [])].sort()) visit(dependency);
    order.push(id);
  };
  for (const id of Object.keys(artifacts).sort()) visit(id);
  return order;
}
