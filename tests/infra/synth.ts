import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Template } from "aws-cdk-lib/assertions";
import type { Config } from "../../infra/config.ts";
import { environments } from "../../infra/config.ts";
import { makeApp } from "../../infra/make-app.ts";

const production: Config = environments.production;

/** Production, with a repository that may take its roles. */
export const config: Config = {
  ...production,
  github: { ...production.github, owner: "acme", ownerId: 1001, repository: "pipeline", repositoryId: 2002 },
  watching: { ...production.watching, email: "on-call@example.com" },
};

const parts = ["network", "data", "access", "compute"] as const;
export type Part = (typeof parts)[number];

export interface Resource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
}

export interface TemplateJson {
  readonly Resources: Readonly<Record<string, Resource>>;
  readonly Outputs?: Readonly<Record<string, { readonly Value: unknown; readonly Export?: { readonly Name: string } }>>;
}

export interface Synthesized {
  readonly dir: string;
  readonly templates: Readonly<Record<Part, Template>>;
  readonly json: Readonly<Record<Part, TemplateJson>>;
}

/** Writes the templates to a new folder; what the host installs is a stand-in. */
export function synthesize(wanted: Config = config, options: { commit?: string; checked?: boolean } = {}): Synthesized {
  const dir = mkdtempSync(join(tmpdir(), "dagline-infra-"));
  const hostBundle = join(dir, "bundle");
  mkdirSync(hostBundle);
  writeFileSync(join(hostBundle, "bootstrap.sh"), "true");
  const outdir = join(dir, "cdk.out");
  const { commit = null, checked = false } = options;
  const assembly = makeApp({ config: wanted, commit, hostBundle, outdir, checked }).synth();
  const json = Object.fromEntries(
    parts.map((part) => [part, assembly.getStackByName(`${wanted.prefix}-${part}`).template as TemplateJson]),
  );
  const templates = Object.fromEntries(Object.entries(json).map(([part, template]) => [part, Template.fromJSON({ ...template })]));
  return { dir: outdir, templates: templates as Record<Part, Template>, json: json as Record<Part, TemplateJson> };
}

/** The resources of a type in all templates, or in one. */
export function resourcesOf(json: Synthesized["json"], type: string, part?: Part): [id: string, resource: Resource][] {
  const chosen = part === undefined ? parts.map((name) => json[name]) : [json[part]];
  return chosen.flatMap(({ Resources }) => Object.entries(Resources).filter(([, { Type }]) => Type === type));
}

/** Their properties. */
export function propertiesOf(json: Synthesized["json"], type: string, part?: Part): Readonly<Record<string, unknown>>[] {
  return resourcesOf(json, type, part).map(([, { Properties }]) => Properties ?? {});
}
