import { UserError } from "../errors.ts";
import { didYouMean } from "../scrape/did-you-mean.ts";
import type { Adoption } from "../scrape/model.ts";

/** Names that the scrapes had at some time. */
interface OldNames {
  /** By DAG, the keys of its file, its tasks' ids among them. */
  readonly dags: ReadonlyMap<string, ReadonlySet<string>>;
  readonly slices: ReadonlySet<string>;
}

/** Throws UserError when a DAG, a task or a slice template never stood in the scrapes. `history` is what `scrapesHistory` gives. */
export function checkOldName(history: string, old: Adoption): void {
  const { dags, slices } = namesIn(history);
  if ("slice" in old) {
    if (!slices.has(old.slice))
      throw unknown(`no load ever had the slice ${JSON.stringify(old.slice)}`, didYouMean(old.slice, [...slices]));
    return;
  }
  const { dag, task } = old;
  const keys = dags.get(dag);
  if (keys === undefined) throw unknown(`the scrapes never had a DAG ${JSON.stringify(dag)}`, didYouMean(dag, [...dags.keys()]));
  const loads = [...keys].filter((key) => key.startsWith("load"));
  if (!keys.has(task)) throw unknown(`the DAG ${dag} never had a task ${JSON.stringify(task)}`, didYouMean(task, loads));
}

function unknown(message: string, names: string): UserError {
  const hint = `${names} Names are looked for in the history of scrapes/; of another one, write the line \`adopts\` by hand.`;
  return new UserError(message, { hint: hint.trimStart() });
}

/** Reads a patch: the lines that came or went, by file. A DAG's file is named after it. */
function namesIn(history: string): OldNames {
  const dags = new Map<string, Set<string>>();
  const slices = new Set<string>();
  let keys = new Set<string>();
  for (const line of history.split("\n")) {
    const dag = /^diff --git .*\/([^/]+)\.yml$/.exec(line)?.[1];
    if (dag !== undefined) {
      keys = dags.get(dag) ?? new Set();
      dags.set(dag, keys);
    }
    if (!/^[+-]\s/.test(line)) continue;
    for (const [, key = ""] of line.matchAll(/(?:^[+-]\s+|[{,]\s*)["']?([A-Za-z_][A-Za-z0-9_]*)["']?:/g)) keys.add(key);
    const slice = /\bslice["']?:\s*(?:"([^"]*)"|'([^']*)'|([^\s#]+))/.exec(line);
    if (slice !== null) slices.add(slice[1] ?? slice[2] ?? slice[3] ?? "");
  }
  return { dags, slices };
}
