import type { WriteMode } from "../scrape/model.ts";

/** A value as a person reads it: a text as it is, anything else as JSON. */
export function show(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "nothing");
}

/** 5400 → `1h30m`. */
export function durationText(seconds: number): string {
  const parts: [number, string][] = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor((seconds % 86_400) / 3600), "h"],
    [Math.floor((seconds % 3600) / 60), "m"],
    [Math.round((seconds % 60) * 1000) / 1000, "s"],
  ];
  const said = parts.filter(([number]) => number > 0).map(([number, unit]) => `${number}${unit}`);
  return said.length === 0 ? "0s" : said.join("");
}

/** `upsert by id`, `append by slice {year}`, `append`, `replace`. */
export function modeText(mode: WriteMode): string {
  if (mode.kind === "upsert") return `upsert by ${mode.key.join(", ")}`;
  return mode.kind === "append" && mode.slice !== null ? `append by slice ${mode.slice}` : mode.kind;
}

/** `2024-03-14 12:00 to 2024-03-15 00:00 UTC` */
export function spanText(from: number, to: number): string {
  const text = (instant: number): string => new Date(instant).toISOString().slice(0, 16).replace("T", " ");
  return `${text(from)} to ${text(to)} UTC`;
}

/** `1 DAG`, `2 DAGs`, `1,234 runs`. */
export function counted(number: number, what: string): string {
  return `${number.toLocaleString("en")} ${number === 1 ? what : `${what}s`}`;
}
