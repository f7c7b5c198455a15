/** A line of a task's log, as Airflow's API gives it. */
export interface LogLine {
  readonly event?: unknown;
  readonly level?: unknown;
  readonly error_detail?: readonly { readonly exc_type?: unknown; readonly exc_value?: unknown }[];
}

/** The exception that ended the task, or else the last line of level error; in one line of at most 300 characters, without control characters. */
export function lastError(lines: readonly LogLine[]): string | undefined {
  const thrown = lines.findLast(({ error_detail }) => (error_detail?.length ?? 0) > 0)?.error_detail?.[0];
  const { exc_type: type, exc_value: value } = thrown ?? {};
  const logged = lines.findLast(({ level }) => level === "error" || level === "critical")?.event;
  const ours = typeof type === "string" && type.startsWith("Airflow");
  const text = thrown === undefined ? logged : ours ? value : `${type}: ${value}`;
  return typeof text === "string" && text.trim() !== ""
    ? text
        .replace(/[\s\p{Cc}]+/gu, " ")
        .trim()
        .slice(0, 300)
    : undefined;
}
