import { type Dirent, readdirSync, realpathSync, statSync } from "node:fs";
import { join, sep } from "node:path";
import type { Problem } from "./model.ts";
import { decodeText, readBounded } from "./read-file.ts";
import { compare } from "./report.ts";

/** What a scrape's folder holds, read without leaving it. Paths of files are relative to the folder, with `/`. */
export interface Folder {
  readonly name: string;
  /** `scrapes/NAME`. */
  readonly dir: string;
  /** Absolute. */
  readonly path: string;
  readonly files: ReadonlySet<string>;
  readonly folders: ReadonlySet<string>;
  /** The text of a file, or null when it cannot be read, which is then reported. */
  text(file: string, maxBytes: number): string | null;
}

const limits = { entries: 20_000, depth: 12 };
const skipped = new Set(["node_modules", ".git"]);

/**
 * Lists a scrape's folder. Reports what a scrape must not hold: links that leave it, links to folders, pipes and devices.
 * It reads synchronously: for a thousand small folders that takes a third of the time of promises, and nothing else waits.
 */
export function readFolder(root: string, name: string, problems: Problem[]): Folder {
  const dir = `scrapes/${name}`;
  const path = join(root, "scrapes", name);
  const files = new Set<string>();
  const folders = new Set<string>();
  const report = (file: string, code: string, message: string, hint: string): void => {
    problems.push({ file: `${dir}/${file}`, line: 1, column: 1, severity: "error", code, message, hint });
  };
  const waiting: string[] = [""];
  for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
    for (const entry of list(join(path, folder), () =>
      report(folder, "unreadable", "the folder cannot be read", "Look at its permissions."),
    )) {
      const file = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (files.size + folders.size >= limits.entries || file.split("/").length > limits.depth) {
        report(
          file,
          "too-many-files",
          `the scrape has more than ${limits.entries} files, or folders more than ${limits.depth} deep`,
          "Keep large data out of Git; a fixture is a few rows.",
        );
        return { name, dir, path, files, folders, text: () => null };
      }
      const kind = kindOf(entry, join(path, file), path);
      if (kind === "file") files.add(file);
      else if (kind === "folder") {
        folders.add(file);
        if (!skipped.has(entry.name)) waiting.push(file);
      } else if (kind === "outside")
        report(file, "link-outside", "this link leads out of the scrape's folder, or nowhere", "Put a copy of the file here.");
      else if (kind === "folder link") report(file, "link-outside", "this is a link to a folder", "Put the folder itself here.");
      else report(file, "not-a-file", "this is not a file (a pipe, a socket or a device)", "Take it out.");
    }
  }
  const text = (file: string, maxBytes: number): string | null => {
    const { bytes, fault } = readBounded(join(path, file), maxBytes);
    const decoded = bytes === null ? null : decodeText(bytes);
    if (fault !== null) report(file, fault.code, fault.message, fault.hint);
    if (decoded === null || typeof decoded.text === "string") return decoded?.text ?? null;
    problems.push({
      file: `${dir}/${file}`,
      ...decoded.place,
      severity: "error",
      code: "not-utf8",
      message: "the file is not UTF-8 text",
      hint: "Save it as UTF-8.",
    });
    return null;
  };
  return { name, dir, path, files, folders, text };
}

/** In one order on every machine, without the lock files that an editor keeps next to an open file. */
function list(path: string, onError: () => void): Dirent[] {
  try {
    const entries = readdirSync(path, { withFileTypes: true });
    return entries.filter(({ name }) => !name.startsWith(".#")).sort((a, b) => compare(a.name, b.name));
  } catch (error) {
    if (!(error instanceof Error && "code" in error && (error.code === "EACCES" || error.code === "ENOENT"))) throw error;
    onError();
    return [];
  }
}

function kindOf(entry: Dirent, path: string, scrape: string): "file" | "folder" | "outside" | "folder link" | "other" {
  if (entry.isFile()) return "file";
  if (entry.isDirectory()) return "folder";
  if (!entry.isSymbolicLink()) return "other";
  try {
    if (!realpathSync(path).startsWith(realpathSync(scrape) + sep)) return "outside";
    const target = statSync(path);
    return target.isFile() ? "file" : target.isDirectory() ? "folder link" : "other";
  } catch {
    return "outside"; // a link that leads nowhere, or to itself
  }
}
