import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLog } from "../../src/log.ts";
import type { Release } from "../../src/release/build-release.ts";
import { renderProject } from "../../src/release/render-project.ts";
import { scrapeFiles, writeScrape } from "../scrape/make-scrapes.ts";

/** A folder with the scrape `weather`, whose table loses a column in `destructive` and has another retry in `changed`. */
export function makeProject() {
  const root = mkdtempSync(join(tmpdir(), "dagline-project-"));
  writeScrape(root, "weather", weather.plain);
  return {
    root,
    write: (files: Readonly<Record<string, string>>): void => writeScrape(root, "weather", files),
    render: (): Promise<Release> => renderProject(root, silentLog),
    remove: (): void => rmSync(root, { recursive: true, force: true }),
  };
}

const plain = scrapeFiles("weather");
const yaml = plain["weather.yml"] ?? "";

/** The scrape's files, as they are and in several changes. */
export const weather = {
  plain,
  changed: { ...plain, "weather.yml": yaml.replace("catchup: false", "catchup: false\n  retries: 2") },
  destructive: { ...plain, "weather.yml": yaml.replace(/ {8}- \{ name: name, .*\n/, "") },
  /** Takes another column away. */
  worse: { ...plain, "weather.yml": yaml.replace(/ {8}- \{ name: name, .*\n/, "").replace(/ {8}- \{ name: amount, .*\n/, "") },
} as const;
