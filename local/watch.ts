import { relative, sep } from "node:path";
import { watch } from "chokidar";

/**
 * Calls `changed` with the paths (relative to `dir`) that were saved since it was last called: never twice at a time, and once more
 * when something was saved while it ran. Resolves, once it watches, to what ends the watching.
 */
export async function watchFolder(dir: string, changed: (paths: string[]) => Promise<void>): Promise<() => Promise<void>> {
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
  const watcher = watch(dir, { ignoreInitial: true, ignored: isNoise });
  watcher.on("all", (_event, path) => {
    pending.add(relative(dir, path).replaceAll(sep, "/"));
    // Editors save in several steps (write, rename, chmod): one reaction to all of them.
    clearTimeout(timer);
    timer = setTimeout(() => void drain(), 120);
  });
  await new Promise<void>((ready) => watcher.once("ready", ready));
  return () => {
    clearTimeout(timer);
    return watcher.close();
  };
}

/** What editors, Python and `dagline new` leave beside the files that people mean. */
function isNoise(path: string): boolean {
  const name = path.slice(path.lastIndexOf(sep) + 1);
  return /^(\.#|#|4913$|sed\w{6}$)|^__pycache__$|~$|\.(swp|swx|tmp|pyc|unfinished)$/.test(name);
}
