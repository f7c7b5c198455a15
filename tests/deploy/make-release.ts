import { parseDagId, sha256 } from "../../src/ids.ts";
import type { Release } from "../../src/release/build-release.ts";
import { canonicalManifest, hostPackageVersion, type Manifest, releaseIdOf } from "../../src/release/manifest.ts";

/** A release of `dags` tiny files, the first `edited` of which differ from those of the same release without edits. */
export function makeRelease({ dags, edited = 0 }: { dags: number; edited?: number }): Release {
  const files = new Map<string, Uint8Array>();
  const ids = Array.from({ length: dags }, (_, index) => parseDagId(`dag_${index}`));
  for (const [index, id] of ids.entries()) files.set(`dags/${id}.py`, Buffer.from(`DAG ${index}${index < edited ? " edited" : ""}\n`));
  const manifest: Manifest = {
    manifest_version: 1,
    host_package: hostPackageVersion,
    dags: Object.fromEntries(ids.map((id) => [id, { file: `dags/${id}.py`, source: `scrapes/${id}/${id}.yml` }])),
    files: [...files]
      .map(([path, body]) => ({ path, sha256: sha256(body), size: body.byteLength }))
      .sort((a, b) => (a.path < b.path ? -1 : 1)),
  };
  const manifestBytes = canonicalManifest(manifest);
  return { id: releaseIdOf(manifestBytes), manifest, manifestBytes, files };
}
