import { sha256 } from "../../src/ids.ts";
import type { ReleaseContents } from "../../src/plan/contents.ts";
import { type Facts, makePlan } from "../../src/plan/make-plan.ts";
import type { Plan } from "../../src/plan/model.ts";
import { renderSpec } from "../../src/release/dag-spec.ts";
import { renderDefinition } from "../../src/release/definition.ts";
import { canonicalManifest, hostPackageVersion, type Manifest, releaseIdOf } from "../../src/release/manifest.ts";
import { renderDag } from "../../src/release/render-dag.ts";
import type { Dag } from "../../src/scrape/model.ts";
import { extractTask, loadTask, makeDag, transformTask } from "../release/make-dags.ts";

export const now = new Date("2024-03-15T12:00:00Z");

/** What a release of these DAGs holds, without bundling anything: `code` is the text of each DAG's source files, by name. */
export function makeContents(
  dags: readonly Dag[],
  options: {
    readme?: string;
    config?: string;
    code?: Readonly<Record<string, string>>;
    more?: Readonly<Record<string, string>>;
    definitions?: boolean;
  } = {},
): ReleaseContents {
  const {
    readme = "# rows\n",
    config = '{"limit": 1}\n',
    code = { "functions.ts": "export {};\n" },
    more = {},
    definitions = true,
  } = options;
  const files = new Map<string, string>();
  for (const dag of dags) {
    const paths = { functions: `functions/${dag.scrape}.mjs`, config: `configs/${dag.scrape}/config.json` };
    files.set(`dags/${dag.id}.py`, renderDag(dag, readme));
    files.set(`specs/${dag.id}.json`, renderSpec(dag, paths));
    if (definitions)
      files.set(`definitions/${dag.id}.json`, Buffer.from(renderDefinition(dag, { ...paths, readme: sha256(readme) })).toString());
    files.set(paths.config, config);
    files.set(paths.functions, Object.values(code).join("\n"));
    files.set(
      `${paths.functions}.map`,
      JSON.stringify({ sources: Object.keys(code).map((name) => `../scrapes/${dag.scrape}/${name}`), sourcesContent: Object.values(code) }),
    );
  }
  for (const [path, text] of Object.entries(more)) files.set(path, text);
  return contentsOf(files, dags);
}

function contentsOf(files: ReadonlyMap<string, string>, dags: readonly Dag[]): ReleaseContents {
  const manifest: Manifest = {
    manifest_version: 1,
    host_package: hostPackageVersion,
    dags: Object.fromEntries(dags.map((dag) => [dag.id, { file: `dags/${dag.id}.py`, source: dag.file }])),
    files: [...files].map(([path, text]) => ({ path, sha256: sha256(text), size: Buffer.byteLength(text) })),
  };
  return { id: releaseIdOf(canonicalManifest(manifest)), commit: null, manifest, text: (path) => files.get(path) };
}

/** The plan that leads from the one list of DAGs to the other. */
export function planOf(before: readonly Dag[], after: readonly Dag[], facts: Partial<Facts> = {}): Plan {
  return makePlan(makeContents(before), makeContents(after), { now, ...facts });
}

/** One of many: DAG, task and table of its own; `changed` in its schedule, retries and tasks. */
export function manyDag(index: number, changed: boolean): Dag {
  const id = `dag_${String(index).padStart(4, "0")}`;
  const tasks = [extractTask("extract"), transformTask("transform", ["extract"]), loadTask("load", ["transform"], { table: id })];
  const more = changed ? [transformTask("again", ["extract"], { retries: index })] : [];
  return makeDag({
    id,
    schedule: { kind: "cron", expression: `${index % 60} ${index % 24} * * ${changed ? "1-5" : "*"}` },
    startDate: "2009-01-01",
    timezone: index % 2 === 0 ? "UTC" : "America/New_York",
    catchup: true,
    retries: changed ? 3 : 0,
    tasks: [...tasks, ...more],
  });
}
