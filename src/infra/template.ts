/** A CloudFormation template, as far as a plan reads it. */
export interface Template {
  readonly Resources: Readonly<Record<string, Resource>>;
  readonly [section: string]: unknown;
}

export interface Resource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
  readonly Metadata?: Readonly<Record<string, unknown>>;
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
  readonly DependsOn?: unknown;
  readonly Condition?: string;
}

/** What CDK adds to count its users: nothing that anybody reviews. */
const UNSEEN_TYPE = "AWS::CDK::Metadata";

/** Parses a template as CloudFormation or CDK gives it, JSON. A template in another form counts as empty: all of it is replaced by ours. */
export function parseTemplate(text: string): Template {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = {};
  }
  const sections = typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  const resources = (sections.Resources ?? {}) as Record<string, Resource>;
  return { ...sections, Resources: Object.fromEntries(Object.entries(resources).filter(([, { Type }]) => Type !== UNSEEN_TYPE)) };
}

/** A resource by the path that its author gave it in CDK (`Data/Database`), else by its logical id. */
export function resourceName(id: string, resource: Resource): string {
  const path = resource.Metadata?.["aws:cdk:path"];
  return typeof path === "string" ? path.replace(/\/Resource$/, "") : id;
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** CloudFormation takes one value for a list of one. */
export function listOf(value: unknown): readonly unknown[] {
  return value === undefined || value === null ? [] : Array.isArray(value) ? value : [value];
}
