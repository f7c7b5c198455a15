import type { Definition, LoadDefinition } from "../release/definition.ts";
import type { ParamSpec } from "../scrape/model.ts";
import { templateTimes } from "../scrape/slice-template.ts";
import type { Comparison } from "./compare.ts";
import type { Destructive, UpcomingPlan } from "./model.ts";
import { isPaused } from "./pause.ts";
import { nameOf, type Seam, type Start, seamOf, wallText } from "./seam.ts";
import { spanText } from "./words.ts";

const TWICE = "rows are loaded twice";

type Effect = Pick<Destructive, "what" | "why">;

/**
 * What a new schedule or time zone does to rows that the runs of the old one appended: its first runs can cover their time again, or have
 * their slices. Replace and upsert keep rows single by themselves.
 */
export function seamRows(upcoming: readonly UpcomingPlan[], { definition }: Comparison, now: Date): Destructive[] {
  return upcoming.flatMap(({ dag, change, rescheduled, pause }): Destructive[] => {
    const [before, after] = [definition("base", dag), definition("next", dag)];
    if (change !== "changed" || !rescheduled || isPaused(pause) || before === undefined || after === undefined) return [];
    const seam = before.paused === true ? null : seamOf(before, after, now);
    if (seam === null) return [];
    const effects = after.tasks.flatMap((task) => (task.kind === "load" ? effectOn(task, after, seam) : []));
    return effects.map((effect) => ({ ...effect, dag, table: null, resource: null }));
  });
}

function effectOn({ id, mode, params }: LoadDefinition, dag: Definition, { old, fresh, end }: Seam): Effect[] {
  if (mode.kind !== "append") return [];
  const dagParams = dag.params as Readonly<Record<string, ParamSpec>>;
  const urlTimes = templateTimes(dag.url ?? "", dagParams, {});
  const times = mode.slice === null ? urlTimes : templateTimes(mode.slice, dagParams, params);
  // What the URL names is the same file, whichever run loads it into its slice; and a slice without a time is every run's.
  if (mode.slice !== null && [...times].every((time) => urlTimes.has(time))) return [];
  const known = new Map(old.map((start) => [nameOf(start, times), start.at]));
  const isNamed = (start: Start): boolean => times.size > 0 && (known.get(nameOf(start, times)) ?? start.at) !== start.at;
  // Where the URL names the time, the file counts and not the interval.
  const isCovered = (start: Start): boolean => (mode.slice !== null || times.size === 0) && start.at < end;
  const free = fresh.find((start) => !isNamed(start) && !isCovered(start));
  const again = fresh.slice(0, free === undefined ? undefined : fresh.indexOf(free));
  const [first, last] = [again[0], again.findLast(isNamed)];
  if (first === undefined) return [];
  const cure = cureOf(free, end);
  if (last === undefined) return [{ what: TWICE, why: `${id}: adds the rows of ${spanText(first.at, end)} a second time.${cure}` }];
  const names = [...new Set([first, last].map((start) => nameOf(start, times)))].join(" to ");
  if (mode.slice === null) return [{ what: TWICE, why: `${id}: reads the URL of ${names} again, and adds its rows a second time.${cure}` }];
  const why = `${id}: writes the slice of ${names} again, for another time, and takes away the rows that are there.${cure}`;
  return [{ what: "rows are taken away", why }];
}

function cureOf(free: Start | undefined, end: number): string {
  if (free === undefined) return "";
  const left = free.at > end ? `, and none covers ${spanText(end, free.at)}` : "";
  return ` With \`start_date: ${wallText(free)}\` its runs begin after them${left}.`;
}
