interface HostDags {
  readonly leaving: readonly string[];
  readonly paused: readonly string[] | null;
}

/** What is to be said of the host's DAGs at the end of a line: `; removed, but with runs to finish: a; paused in Airflow: b, c`. Empty when all just run. */
export function dagsText({ leaving, paused }: HostDags): string {
  return named("removed, but with runs to finish", leaving) + named("paused in Airflow", paused ?? []);
}

function named(what: string, dags: readonly string[]): string {
  if (dags.length === 0) return "";
  const more = dags.length > SHOWN ? ` and ${dags.length - SHOWN} more` : "";
  return `; ${what}: ${dags.slice(0, SHOWN).join(", ")}${more}`;
}

const SHOWN = 10;
