// Draws docs/cloud-picture.md from the templates: the stacks of production, what is in each, and what they take from one another.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
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
writeFileSync(join(root, "docs", "cloud-picture.md"), [...text, "```mermaid", "flowchart LR", ...lines, "```", ""].join("\n"));
rmSync(outdir, { recursive: true });
