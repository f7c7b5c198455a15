import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Writes `count` right scrapes to `<root>/scrapes/scrape_0001/` and so on, each with every file that a scrape needs. Returns their names. */
export function makeScrapes(root: string, count: number): string[] {
  const names: string[] = [];
  for (let index = 1; index <= count; index++) {
    const name = `scrape_${String(index).padStart(4, "0")}`;
    writeScrape(root, name, scrapeFiles(name, index));
    names.push(name);
  }
  return names;
}

/** Writes one scrape's files; a key is a path within the scrape's folder. */
export function writeScrape(root: string, name: string, files: Readonly<Record<string, string | Uint8Array>>): void {
  const made = new Set<string>();
  for (const [path, content] of Object.entries(files)) {
    const file = join(root, "scrapes", name, path);
    const folder = join(file, "..");
    if (!made.has(folder)) mkdirSync(folder, { recursive: true });
    made.add(folder);
    writeFileSync(file, content);
  }
}

/** The files of a scrape that has no problem; `seed` varies its schedule, URL and fields. */
export function scrapeFiles(name: string, seed = 0): Record<string, string> {
  return {
    [`${name}.yml`]: dagYaml(name, seed),
    "functions.ts": `import { label } from "./helpers.ts";

export async function extract(context: { output: string }): Promise<void> {
  console.log(label("${name}"), context.output);
}

export async function transform(context: { input: string; output: string }): Promise<void> {
  console.log(label("${name}"), context.input, context.output);
}
`,
    "helpers.ts": `export function label(name: string): string {\n  return \`scrape \${name}\`;\n}\n`,
    "config/config.json": `{ "limit": ${seed} }\n`,
    "fixtures/sample.csv": "id,name,amount\n1,one,1.5\n",
    "component.test.ts": "export {};\n",
    "unit.test.ts": "export {};\n",
    "README.md": `# ${name}\n\nRows of ${name}, number ${seed}.\n`,
  };
}

function dagYaml(name: string, seed: number): string {
  return `# yaml-language-server: $schema=../../schemas/dag.schema.json
${name}:
  owner: data-platform
  description: Rows of ${name}
  schedule: "${seed % 60} ${seed % 24} * * *"
  start_date: 2024-01-01
  catchup: false
  tags: [synthetic]
  url: https://data.example.com/{region}/${name}/{year}-{month}-{day}.csv
  callable_file: functions.ts
  config_path: config/config.json
  params:
    region:
      type: string
      title: Region
      default: north
      enum: [north, south]
  tasks:
    extract_rows:
      callable: extract
      file_extension: csv
    transform_rows:
      callable: transform
      file_extension: csv
      dependencies: [extract_rows]
      latest_file_comparison_check: true
    load_rows:
      dataset_name: ${name}
      mode: append
      slice: "{region}-{year}-{month}-{day}"
      fields:
        - { name: id, type: BIGINT, description: The row's number }
        - { name: name, type: VARCHAR(${(seed % 200) + 10}) }
        - { name: amount, type: "NUMERIC(12,2)" }
      dependencies: [transform_rows]
`;
}
