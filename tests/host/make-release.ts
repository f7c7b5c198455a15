import { parseDagId, sha256 } from "../../src/ids.ts";
import type { Release } from "../../src/release/build-release.ts";
import { canonicalManifest, hostPackageVersion, type Manifest, releaseIdOf } from "../../src/release/manifest.ts";

export interface ReleaseText {
  /** DAG id to Python. */
  readonly dags: Readonly<Record<string, string>>;
  /** Further files, by path. */
  readonly files?: Readonly<Record<string, string>>;
  readonly hostPackage?: string;
}

/** A release with these very files. */
export function makeRelease({ dags, files: more = {}, hostPackage = hostPackageVersion }: ReleaseText): Release {
  const python = Object.entries(dags).map(([id, text]) => [`dags/${parseDagId(id)}.py`, text] as const);
  const files = new Map([...python, ...Object.entries(more)].map(([path, text]) => [path, Buffer.from(text)]));
  const manifest: Manifest = {
    manifest_version: 1,
    host_package: hostPackage,
    dags: Object.fromEntries(Object.keys(dags).map((id) => [id, { file: `dags/${id}.py`, source: `scrapes/${id}/${id}.yml` }])),
    files: [...files]
      .map(([path, bytes]) => ({ path, sha256: sha256(bytes), size: bytes.byteLength }))
      .sort((a, b) => (a.path < b.path ? -1 : 1)),
  };
  const manifestBytes = canonicalManifest(manifest);
  return { id: releaseIdOf(manifestBytes), manifest, manifestBytes, files };
}

/** The Python of a DAG of two empty tasks, or of `body`; each statement says which line of YAML it came from. */
export function dagPython(id: string, body?: string): string {
  return `import os

import pendulum
from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.python import PythonOperator

with DAG(dag_id="${id}", schedule=None, start_date=pendulum.datetime(2024, 1, 1, tz="UTC")) as dag:  # scrapes/${id}/${id}.yml:2
${(
  body ??
  `first = EmptyOperator(task_id="first")  # scrapes/${id}/${id}.yml:10
second = EmptyOperator(task_id="second")  # scrapes/${id}/${id}.yml:14
first >> second  # scrapes/${id}/${id}.yml:16`
)
  .split("\n")
  .map((line) => `    ${line}`)
  .join("\n")}
`;
}
