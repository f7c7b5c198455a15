/** Which DAGs are paused, for the end of a line: `; paused in Airflow: a, b`. Empty when none is, or when it is not known. */
export function pausedText({ paused }: { readonly paused: readonly string[] | null }): string {
  if (paused === null || paused.length === 0) return "";
  const more = paused.length > SHOWN ? ` and ${paused.length - SHOWN} more` : "";
  return `; paused in Airflow: ${paused.slice(0, SHOWN).join(", ")}${more}`;
}

const SHOWN = 10;
