import { Ajv } from "ajv";
import schema from "../../schemas/release.schema.json" with { type: "json" };
import { UserError } from "../errors.ts";
import { parseReleaseId, type ReleaseId, type Sha256, sha256 } from "../ids.ts";
import { canonicalJson } from "./canonical-json.ts";

/** The version of `airflow/dagline_airflow` and of the agent that releases made here need; raised when an older host could not run them. */
export const hostPackageVersion = "1";

/** What a release consists of. Stored as `releases/<id>.json`; schemas/release.schema.json describes each member. */
export interface Manifest {
  readonly manifest_version: 1;
  /** The version of `airflow/dagline_airflow` and of the agent that this release needs on the host. */
  readonly host_package: string;
  /** By DAG id. */
  readonly dags: Readonly<Record<string, ManifestDag>>;
  /** Sorted by path. */
  readonly files: readonly ManifestFile[];
}

interface ManifestDag {
  /** Where the rendered DAG is in the release. */
  readonly file: string;
  /** The YAML file that it was rendered from. */
  readonly source: string;
}

export interface ManifestFile {
  readonly path: string;
  readonly sha256: Sha256;
  /** In bytes. */
  readonly size: number;
}

/** The manifest's one form in bytes, which its id is the digest of: files sorted by path, canonical JSON. */
export function canonicalManifest(manifest: Manifest): Uint8Array {
  return canonicalJson({ ...manifest, files: [...manifest.files].sort((a, b) => (a.path < b.path ? -1 : 1)) });
}

/** The id of the release whose manifest has these bytes. */
export function releaseIdOf(manifestBytes: Uint8Array): ReleaseId {
  return parseReleaseId(sha256(manifestBytes));
}

/**
 * Reads a manifest that came from elsewhere. Its paths are safe to join to a folder: relative, with `/`, without `..`, none twice
 * and none a folder of another. Throws a UserError that says what is wrong with it.
 */
export function parseManifest(bytes: Uint8Array): Manifest {
  const manifest = parseJson(bytes);
  if (!isManifest(manifest)) {
    const problem = isManifest.errors?.[0];
    throw invalid(`${problem?.instancePath || "the document"} ${problem?.message ?? "is wrong"}`);
  }
  const paths = new Set(manifest.files.map((file) => file.path));
  for (const path of paths) checkPath(path, paths);
  if (paths.size !== manifest.files.length) throw invalid("a path is in it twice");
  for (const [id, dag] of Object.entries(manifest.dags)) {
    if (dag.file !== `dags/${id}.py` || !paths.has(dag.file)) throw invalid(`the DAG ${id} has no file of its name in it`);
    checkPath(dag.source, new Set());
  }
  // Also refuses what JSON.parse forgives: a key given twice, white space, files out of order.
  if (!Buffer.from(bytes).equals(canonicalManifest(manifest))) throw invalid("it is not in canonical form");
  return manifest;
}

const isManifest = new Ajv({ strict: true }).compile<Manifest>(schema);

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw invalid("it is not JSON", error);
  }
}

function checkPath(path: string, all: ReadonlySet<string>): void {
  const segments = path.split("/");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\\\u0000-\u001f\u007f]/.test(path) || !path.isWellFormed()) throw invalid(`unsafe characters in the path ${JSON.stringify(path)}`);
  if (segments.some((segment) => segment === "" || segment === "." || segment === "..")) {
    throw invalid(`the path ${JSON.stringify(path)} is not a plain relative one`);
  }
  for (let end = 1; end < segments.length; end++) {
    const folder = segments.slice(0, end).join("/");
    if (all.has(folder)) throw invalid(`${JSON.stringify(folder)} is both a file and a folder`);
  }
}

function invalid(what: string, cause?: unknown): UserError {
  return new UserError(`not a release manifest: ${what}`, {
    hint: "The object was altered or written by another program. Deploy again, or roll back to a release that is whole.",
    cause,
  });
}
