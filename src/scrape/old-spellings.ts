/** What people who come from YAML-driven Python DAGs write, and what it is called here. */
const spellings = new Map<string, string>([
  ["schedule_interval", "schedule"],
  ["timetable", "schedule"],
  ["cron", "schedule"],
  ["tz", "timezone"],
  ["python_callable", "callable"],
  ["function", "callable"],
  ["python_callable_file", "callable_file"],
  ["module", "callable_file"],
  ["config", "config_path"],
  ["config_file", "config_path"],
  ["emails", "email"],
  ["depends_on", "dependencies"],
  ["depends", "dependencies"],
  ["needs", "dependencies"],
  ["upstream", "dependencies"],
  ["upstream_tasks", "dependencies"],
  ["upstream_task_ids", "dependencies"],
  ["operator", "kind"],
  ["task_type", "kind"],
  ["op_kwargs", "params"],
  ["op_args", "params"],
  ["extension", "file_extension"],
  ["format", "file_extension"],
  ["file_format", "file_extension"],
  ["timeout", "execution_timeout"],
  ["retry_delay_sec", "retry_delay"],
  ["table", "dataset_name"],
  ["table_name", "dataset_name"],
  ["dataset", "dataset_name"],
  ["target_table", "dataset_name"],
  ["columns", "fields"],
  ["schema", "fields"],
  ["if_exists", "mode"],
  ["write_mode", "mode"],
  ["write_disposition", "mode"],
  ["primary_key", "key"],
  ["unique_key", "key"],
  ["keys", "key"],
  ["check_latest_file", "latest_file_comparison_check"],
]);

/** Keys whose content moved elsewhere. */
const moved = new Map<string, string>([
  ["default_args", "Write its keys on the DAG itself: owner, start_date, retries, retry_delay, email."],
  ["dag_id", "The DAG's id is the key at the top of the file."],
  ["task_id", "A task's id is its key under `tasks`."],
  ["doc_md", "Write it in the scrape's README.md: it becomes the DAG's documentation."],
  ["provide_context", "Take it out: each function gets its context."],
  ["max_active_tasks", "Give the tasks a `pool` with as many slots."],
]);

/** What to write instead of an old key, among the keys that are known here; null when the key is not an old one. */
export function newSpelling(key: string, known: readonly string[]): string | null {
  const spelling = spellings.get(key);
  if (spelling !== undefined && known.includes(spelling)) return `It is called \`${spelling}\` here.`;
  return moved.get(key) ?? null;
}
