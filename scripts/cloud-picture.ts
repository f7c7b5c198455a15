// Draws docs/cloud-picture.md from the templates: the stacks of production, what is in each, and what they take from one another.
//   node scripts/cloud-picture.ts --check    only says whether it is drawn from today's templates
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { environments } from "../infra/config.ts";
import { makeApp } from "../infra/make-app.ts";
import { root } from "../local/paths.ts";

const outdir = mkdtempSync(join(tmpdir(), "dagline-picture-"));
const { stacks } = makeApp({
  config: environments.production,
  commit: null,
  hostBundle: join(root, "infra", "ssm"),
  outdir,
  checked: false,
}).synth();
/** What a reader looks for; rules, policies and attachments are left out. */
const shown =
  /::(VPC|EIP|Instance|DBInstance|Cluster|Bucket|Queue|Secret|User|Role|OIDCProvider|Document|Function|Alarm|Dashboard|Budget|Topic|VPCEndpoint)$/;
const lines = stacks.flatMap(({ stackName, template }) => {
  const types = Object.values(template.Resources as Record<string, { Type: string }>)
    .map(({ Type }) => Type)
    .filter((type) => shown.test(type));
  const counts = [...new Set(types)]
    .sort()
    .map((type) => `${types.filter((other) => other === type).length} × ${type.replace("AWS::", "")}`);
  const taken = new Set([...JSON.stringify(template).matchAll(/"Fn::ImportValue":"([a-z-]+):/g)].map(([, from]) => from));
  return [
    `  ${stackName}["<b>${stackName}</b><br/>${counts.join("<br/>")}"]`,
    ...[...taken].sort().map((from) => `  ${from} --> ${stackName}`),
  ];
});
const text = [
  "# The cloud, drawn from its templates",
  "",
  "By `node scripts/cloud-picture.ts`. An arrow leads to the stack that refers to another's resources.",
  "",
];
const file = join(root, "docs", "cloud-picture.md");
const drawn = [...text, "```mermaid", "flowchart LR", ...lines, "```", ""].join("\n");
if (!process.argv.includes("--check")) writeFileSync(file, drawn);
else if (readFileSync(file, "utf8") !== drawn) {
  process.stderr.write("docs/cloud-picture.md is not of these templates: node scripts/cloud-picture.ts\n");
  process.exitCode = 1;
}
rmSync(outdir, { recursive: true });
