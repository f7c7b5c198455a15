import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { root } from "./paths.ts";

/** Writes one module for each action to `folder`, another (`NAME-post`) for one that has a post part, two levels below the repository's root, and what several of them share in chunks beside them. */
export async function buildActions(folder: string): Promise<void> {
  const sources = join(root, "actions");
  const names = readdirSync(sources, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
  const posts = names.filter((name) => existsSync(join(sources, name, "post.ts")));
  rmSync(folder, { recursive: true, force: true });
  await build({
    entryPoints: [
      ...names.map((name) => ({ in: join(sources, name, "index.ts"), out: name })),
      ...posts.map((name) => ({ in: join(sources, name, "post.ts"), out: `${name}-post` })),
    ],
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node24",
    // It has a program of its own, which cannot be part of a bundle.
    external: ["esbuild"],
    banner: { js: 'import { createRequire as daglineRequire } from "node:module"; const require = daglineRequire(import.meta.url);' },
    logLevel: "warning",
  });
}
