import { isAbsolute, relative, resolve } from "node:path";
import { UserError } from "../../src/errors.ts";
import { code } from "../../src/plan/markdown.ts";
import { counted } from "../../src/plan/words.ts";
import { writeRelease } from "../../src/release/build-release.ts";
import { renderProject } from "../../src/release/render-project.ts";
import type { InputSpec, InputsOf } from "../inputs.ts";

import type { Services } from "../services.ts";

export const inputs = {
  out: { kind: "text", default: "release" },
  "working-directory": { kind: "text", default: "." },
} as const satisfies InputSpec;

/** Writes the release that the scrapes make to a folder of the workspace. */
export async function run({ out }: InputsOf<typeof inputs>, services: Services): Promise<void> {
  const folder = resolve(services.root, out);
  const inside = relative(services.root, folder);
  if (inside === "" || inside.startsWith("..") || isAbsolute(inside)) {
    throw new UserError(`the input \`out\` is ${JSON.stringify(out)}, which is not a folder inside the repository's`, {
      hint: "Name one, such as release.",
    });
  }
  const release = await renderProject(services.root, services.log);
  writeRelease(release, folder);
  const dags = Object.keys(release.manifest.dags).length;
  services.log.info(`release ${release.id}: ${counted(dags, "DAG")} in ${out}`);
  services.summary(`### Release ${code(release.id.slice(0, 12))}\n\n${counted(dags, "DAG")}, ${counted(release.files.size, "file")}.`);
  services.output("release", release.id);
  services.output("dags", dags);
}
