import type { LoadDefinition } from "../release/definition.ts";
import type { WriteMode } from "../scrape/model.ts";
import { slicesMeet } from "../scrape/slice-overlap.ts";
import { type SlicePart, slicePartsOf } from "../scrape/slice-template.ts";

/** A load task of a release, with what of its DAG names its rows. */
export interface OwnedLoad {
  readonly dag: string;
  readonly eachMonth: boolean;
  readonly load: LoadDefinition;
}

/** What a change of names does to the rows that are there. */
export interface OwnerChanges {
  /** Rows double or stay behind, with what to do about it. */
  readonly notes: readonly string[];
  /** Rows that a load takes over from its earlier name. */
  readonly adopted: readonly string[];
}

/**
 * Rows of an append bear the name of their run (DAG, task) or of their slice. A load that is named otherwise does not find the rows of
 * before, and adds them a second time. `moved`: the table that a load task which is not here any more loads now.
 */
export function ownerChanges(
  before: readonly OwnedLoad[],
  after: readonly OwnedLoad[],
  moved: (name: string) => string | undefined,
): OwnerChanges {
  const gone = before.filter((old) => !after.some((now) => nameOf(now) === nameOf(old)));
  const added = after.filter((now) => !before.some((old) => nameOf(now) === nameOf(old)));
  const changes = [
    ...after.flatMap((now) =>
      renamed(
        before.find((old) => nameOf(old) === nameOf(now)),
        now,
      ),
    ),
    ...gone.filter((old) => moved(nameOf(old)) === undefined).flatMap((old) => replaced(old, added, before, after)),
  ];
  const left = gone.flatMap((old) => {
    const table = moved(nameOf(old));
    return table === undefined
      ? []
      : [`${nameOf(old)} loads ${table} from now on: the rows that it left here stay, and ${table} begins without them`];
  });
  return {
    notes: [...new Set([...changes.flatMap(({ note }) => note ?? []), ...left])],
    adopted: [...new Set(changes.flatMap(({ adopted }) => adopted ?? []))],
  };
}

type Change = { readonly note?: string; readonly adopted?: string };

/** The same task, whose rows are named otherwise. */
function renamed(old: OwnedLoad | undefined, now: OwnedLoad): Change[] {
  if (old?.load.mode.kind !== "append" || now.load.mode.kind !== "append") return [];
  const [from, to] = [sliceOf(old.load), sliceOf(now.load)];
  if (from === null && to === null) {
    if (old.eachMonth === now.eachMonth) return [];
    const what = now.eachMonth ? "a run's rows now bear the names of its months" : "a run's rows no longer bear the names of its months";
    return [
      {
        note: `${nameOf(now)}: ${what}: a run that is run again adds its rows a second time. Remove those of the runs that you clear first.`,
      },
    ];
  }
  if (from === to) return [];
  if (from !== null && adoptsSlice(now, old.load.mode))
    return [{ adopted: `${nameOf(now)} takes over the rows of the slice ${shownSlice(old)}` }];
  const what = `${nameOf(now)}: ${sliceText(old)} → ${sliceText(now)}`;
  const cure = from !== null && to !== null ? sliceCure(old, now) : "";
  return [
    {
      note: `${what}: rows that are there stay, and are doubled when another run loads them again.${cure}`,
    },
  ];
}

/** A task that is gone, and the new one that loads its table in its place. */
function replaced(old: OwnedLoad, added: readonly OwnedLoad[], before: readonly OwnedLoad[], after: readonly OwnedLoad[]): Change[] {
  if (old.load.mode.kind === "replace") return [];
  const from = sliceOf(old.load);
  const adopter = added.find((now) => (from === null ? adoptsTask(now, nameOf(old)) : adoptsSlice(now, old.load.mode)));
  if (adopter !== undefined) {
    return [{ adopted: `${nameOf(adopter)} takes over the rows of ${from === null ? nameOf(old) : `the slice ${shownSlice(old)}`}` }];
  }
  // A slice that was there before is the same, whoever loads it.
  const others = added.filter(
    ({ load }) => load.mode.kind === "append" && !(sliceOf(load) !== null && before.some((one) => sliceOf(one.load) === sliceOf(load))),
  );
  const sameId = others.filter(({ load }) => load.id === old.load.id);
  const [now, ...rest] = sameId.length > 0 ? sameId : others;
  if (now === undefined) {
    const isLoaded = from === null ? added.length > 0 : after.some((other) => slicesMeet(partsOf(other), partsOf(old)));
    return isLoaded ? [] : [{ note: `${nameOf(old)} is gone: its rows stay, and no load replaces them any more` }];
  }
  const cure = from === null ? cureOf(nameOf(old), now, rest) : sliceOf(now.load) === null ? "" : sliceCure(old, now, rest);
  const again = rest.length === 0 ? nameOf(now) : "a new load";
  return [{ note: `${nameOf(old)} is gone: its rows stay, and those that ${again} loads again are doubled.${cure}` }];
}

/** With any value for the DAG's params. */
function partsOf({ load }: OwnedLoad): SlicePart[] {
  return slicePartsOf({ params: {} }, load);
}

/** Only a slice of the same variables can be taken over (src/scrape/check-identities.ts). */
function sliceCure(old: OwnedLoad, now: OwnedLoad, others: readonly OwnedLoad[] = []): string {
  const variables = ({ load }: OwnedLoad): string => [...new Set(sliceOf(load)?.match(/\{[^{}]*\}/g))].sort().join();
  if (variables(old) === variables(now)) return cureOf(`'${templateOf(old)}'`, now, others);
  return " Slices of other variables can't be taken over: keep the old template, or load into a new table.";
}

/** `others`: new loads that may be the one of the old name as well. */
function cureOf(old: string, now: OwnedLoad, others: readonly OwnedLoad[]): string {
  const which = others.length === 0 ? "" : `, or the same with ${others.slice(0, 3).map(nameOf).join(" or ")}, whichever is its new name`;
  return ` Take them over: \`dagline adopt ${old} ${nameOf(now)}\`${which}.`;
}

function adoptsTask({ load }: OwnedLoad, name: string): boolean {
  return (load.adopts ?? []).some((one) => "task" in one && `${one.dag}.${one.task}` === name);
}

function adoptsSlice({ load }: OwnedLoad, mode: WriteMode): boolean {
  const template = mode.kind === "append" ? mode.slice : null;
  const old = template === null ? null : filled(template, load.params);
  return (load.adopts ?? []).some((one) => "slice" in one && filled(one.slice, load.params) === old);
}

function nameOf({ dag, load }: OwnedLoad): string {
  return `${dag}.${load.id}`;
}

/** The template, with the task's own params filled in: they are the same in every run. */
function sliceOf({ mode, params }: LoadDefinition): string | null {
  return mode.kind === "append" && mode.slice !== null ? filled(mode.slice, params) : null;
}

function filled(template: string, params: LoadDefinition["params"]): string {
  return withParams(template, params).replaceAll("{date}", "{year}-{month}-{day}");
}

function withParams(template: string, params: LoadDefinition["params"]): string {
  return template.replace(/\{([^{}]*)\}/g, (whole, name: string) => (Object.hasOwn(params, name) ? String(params[name]) : whole));
}

function templateOf({ load }: OwnedLoad): string {
  return load.mode.kind === "append" ? (load.mode.slice ?? "") : "";
}

/** As it is written, with the task's own params filled in. */
function shownSlice(owned: OwnedLoad): string {
  return withParams(templateOf(owned), owned.load.params);
}

function sliceText(owned: OwnedLoad): string {
  return sliceOf(owned.load) === null ? "append by run" : `append by slice ${shownSlice(owned)}`;
}
