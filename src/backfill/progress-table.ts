import { type BackfillProgress, progressStates } from "./progress.ts";

/** So many rows are printed, one for each change; later ones are a minute apart, so that a watch of six hours has some 400. */
const EACH_CHANGE = 40;
const BETWEEN_SECONDS = 60;
/** Whoever looks at the end of a log must see what the numbers are. */
const HEADER_EVERY = 20;
const CHANGES_SHOWN = 4;

/**
 * A table that grows in a log: each call returns the lines to print, none when nothing has changed. A row has the time since the table was made, how many
 * runs are in which state, and the runs that changed. A run that failed, a halt and the end are told at once.
 */
export function progressTable(now: () => Date): (progress: BackfillProgress) => string[] {
  const started = now().getTime();
  let last: { readonly progress: BackfillProgress; readonly row: string; readonly seconds: number } | undefined;
  let rows = 0;
  return (progress) => {
    const seconds = (now().getTime() - started) / 1000;
    const { counts, total, halted, done } = progress;
    const row = progressStates.map((state) => String(counts[state] ?? 0).padStart(state.length)).join("  ");
    const halts = halted !== null && halted !== last?.progress.halted;
    if (last !== undefined && row === last.row && !halts) return [];
    const urgent = halts || done || (counts.failed ?? 0) > (last?.progress.counts.failed ?? 0);
    if (last !== undefined && rows >= EACH_CHANGE && !urgent && seconds - last.seconds < BETWEEN_SECONDS) return [];
    const header = `  ${["elapsed".padStart(9), ...progressStates, `of ${total} runs`].join("  ")}`;
    const changed = changes(progress, last?.progress);
    const lines = [
      ...(rows % HEADER_EVERY === 0 ? [header] : []),
      `  ${[elapsed(seconds).padStart(9), row, changed].join("  ")}`.trimEnd(),
      ...(halts ? [`  no more runs are begun: ${halted}`] : []),
    ];
    rows++;
    last = { progress, row, seconds };
    return lines;
  };
}

/** Seconds as `3 s`, `2 min 5 s` or `1 h 20 min`. */
export function elapsed(seconds: number): string {
  const whole = Math.floor(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** The runs that are in another state than before; those that wait for their turn are none. */
function changes({ runs }: BackfillProgress, before: BackfillProgress | undefined): string {
  const known = new Map(before?.runs.map(({ period, state }) => [period, state]));
  const changed = runs.filter(({ period, state }) => state !== (known.get(period) ?? "waiting"));
  const shown = changed.slice(0, CHANGES_SHOWN).map(({ period, state }) => `${period.replace(/:00\.000Z$/, "Z")} ${state}`);
  const more = changed.length - shown.length;
  return [...shown, ...(more > 0 ? [`and ${more} more`] : [])].join(", ");
}
