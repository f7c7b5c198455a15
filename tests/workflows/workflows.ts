import { globSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { load } from "js-yaml";
import { root } from "../../local/paths.ts";

export interface Step {
  readonly name?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
}

export interface Job {
  readonly permissions?: Readonly<Record<string, string>>;
  readonly "timeout-minutes"?: number;
  readonly steps: readonly Step[];
}

export interface Workflow {
  readonly on: Readonly<Record<string, unknown>>;
  readonly permissions?: unknown;
  readonly jobs: Readonly<Record<string, Job>>;
}

export interface Action {
  readonly inputs?: Readonly<Record<string, { readonly required?: boolean; readonly default?: string }>>;
  readonly runs: { readonly using: string; readonly steps?: readonly Step[] };
}

/** A YAML file of GitHub's: `file` is its path in the repository. */
export interface Source<T> {
  readonly file: string;
  readonly text: string;
  readonly content: T;
}

/** The workflows of this repository, by their file's name without its end. */
export const workflows = new Map(read<Workflow>(".github/workflows/*.yml").map((source) => [basename(source.file, ".yml"), source]));

/** All actions of this repository, by what a step's `uses` says. */
export const actions = new Map(
  [...read<Action>("actions/*/action.yml"), ...read<Action>(".github/actions/*/action.yml")].map((source) => [
    `./${dirname(source.file)}`,
    source,
  ]),
);

function read<T>(pattern: string): Source<T>[] {
  return globSync(pattern, { cwd: root })
    .sort()
    .map((file) => {
      const text = readFileSync(join(root, file), "utf8");
      return { file, text, content: load(text, { filename: file }) as T };
    });
}
