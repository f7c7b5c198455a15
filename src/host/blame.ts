import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { UserError } from "../errors.ts";
import type { Manifest } from "../release/manifest.ts";
import { sourceOf } from "../release/source-comment.ts";

/** A DAG that Airflow can't take: which line of YAML it was rendered from, where that is known. */
export class DagError extends UserError {
  readonly file: string;
  /** Starts at 1. */
  readonly line: number;

  constructor(message: string, place: { file: string; line: number }) {
    super(message, { hint: "Mend the scrape, or roll back: the host keeps running the release before." });
    this.file = place.file;
    this.line = place.line;
  }
}

/** What Python said about one DAG file. */
export interface DagFailure {
  /** The DAG file's name, e.g. `taxi_zones.py`. */
  readonly file: string;
  /** Python's traceback, or the message alone. */
  readonly trace: string;
}

/** Turns what Python said into an error that names the YAML file and line. `releaseDir` is where the release is installed. */
export function blame(failures: readonly [DagFailure, ...DagFailure[]], manifest: Manifest, releaseDir: string): DagError {
  const [first, ...others] = failures;
  const name = basename(first.file);
  const reason = first.trace.trimEnd().split("\n").at(-1)?.trim() || "no reason given";
  const more = others.length === 0 ? "" : `; so do ${others.map(({ file }) => dagName(file)).join(", ")}`;
  return new DagError(`DAG ${dagName(name)} does not import: ${reason}${more}`, findSource(name, first.trace, manifest, releaseDir));
}

function findSource(name: string, trace: string, manifest: Manifest, releaseDir: string): { file: string; line: number } {
  const python = readText(join(releaseDir, "dags", name));
  const lines = [...trace.matchAll(/File "(?:[^"]*\/)?dags\/([^"/]+)", line (\d+)/g)].filter((match) => match[1] === name);
  // The innermost frame of the file; without one, the statement that makes the DAG.
  const at = Number(lines.at(-1)?.[2] ?? firstComment(python));
  return sourceOf(python, at) ?? { file: manifest.dags[dagName(name)]?.source ?? `dags/${name}`, line: 1 };
}

function firstComment(python: string): number {
  return python.split("\n").findIndex((_line, index) => sourceOf(python, index + 1) !== null) + 1;
}

function dagName(file: string): string {
  return basename(file).replace(/\.py$/, "");
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return ""; // a file that the release does not have: nothing says where it came from
  }
}
