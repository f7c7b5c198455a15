import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Checked, checkScrapes } from "../../src/scrape/check-scrapes.ts";
import type { Problem } from "../../src/scrape/model.ts";
import { scrapeFiles, writeScrape } from "./make-scrapes.ts";

export type Files = Readonly<Record<string, string | Uint8Array | null>>;

/** Checks scrapes that are written to a folder of their own, which is gone afterwards. A file that is null is left out. */
export async function checkFiles(
  scrapes: Readonly<Record<string, Files>>,
  prepare: (root: string) => unknown = () => undefined,
): Promise<Checked> {
  const root = mkdtempSync(join(tmpdir(), "dagline-scrapes-"));
  try {
    for (const [name, files] of Object.entries(scrapes)) {
      const present = Object.entries(files).filter((entry): entry is [string, string | Uint8Array] => entry[1] !== null);
      writeScrape(root, name, Object.fromEntries(present));
    }
    await prepare(root);
    return await checkScrapes(root);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/** A scrape `weather` without a problem, but for the files given here. */
export function weather(changes: Files = {}): Files {
  return { ...scrapeFiles("weather"), ...changes };
}

export const weatherYaml = scrapeFiles("weather")["weather.yml"] ?? "";

/** weather.yml with each `[from, to]` replaced once; throws when `from` is not there. */
export function edited(...edits: readonly (readonly [string, string])[]): string {
  let text = weatherYaml;
  for (const [from, to] of edits) {
    if (!text.includes(from)) throw new Error(`not in weather.yml: ${from}`);
    text = text.replace(from, () => to);
  }
  return text;
}

/** `code line:column` of each problem. */
export function places(problems: readonly Problem[]): string[] {
  return problems.map(({ code, line, column }) => `${code} ${line}:${column}`);
}
