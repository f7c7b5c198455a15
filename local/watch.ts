import { watch } from "node:fs";

/**
 * Calls `changed` with the paths (relative to `dir`) that were saved since it was last called: never twice at a time, and once more
 * when something was saved while it ran. Returns what ends the watching.
 */
export function watchFolder(dir: string, changed: (paths: string[]) => Promise<void>): () => void {
  const pending = new Set<string>();
  let busy = false;
  let timer: NodeJS.Timeout | undefined;

  const drain = async (): Promise<void> => {
    if (busy) return;
    busy = true;
    try {
      while (pending.size > 0) {
        const paths = [...pending].sort();
        pending.clear();
        await changed(paths);
      }
    } finally {
      busy = false;
    }
  };
  const watcher = watch(dir, { recursive: true }, (_event, path) => {
    if (path === null || isNoise(path)) return;
    pending.add(path);
    // Editors save in several steps (write, rename, chmod): one reaction to all of them.
    clearTimeout(timer);
    timer = setTimeout(() => void drain(), 120);
  });
  return () => {
    clearTimeout(timer);
    watcher.close();
  };
}

/** What editors and Python leave beside the files that people mean. */
function isNoise(path: string): boolean {
  return /(^|\/)(\.|#|__pycache__|4913$)|~$|\.(swp|swx|tmp|pyc)$/.test(path);
}
