import { UserError } from "../errors.ts";
import { parseFieldType } from "../scrape/field-type.ts";
import type { Adoption, Dag, Field, FieldType, JsonValue, Task, WriteMode } from "../scrape/model.ts";
import { isTimeZone } from "../time/zone-name.ts";
import { canonicalJson } from "./canonical-json.ts";
import { definitionValidator } from "./definition-schema.ts";

/**
 * A DAG in the words of its YAML file, as the release holds it in `definitions/DAG_ID.json`: what a plan compares.
 * Without line numbers and descriptions of fields, which change nothing that runs.
 */
export interface Definition {
  readonly definition_version: 1;
  readonly dag: string;
  readonly scrape: string;
  readonly file: string;
  /** The SHA-256 of the README that the DAG shows as its documentation. */
  readonly readme: string;
  /** Where the bundle and the configuration are in the release; null when the DAG has none. */
  readonly functions: string | null;
  readonly config: string | null;
  readonly owner: string;
  readonly description: string;
  /** A cron expression; the tables of an asset schedule; null on demand. */
  readonly schedule: string | readonly string[] | null;
  readonly start_date: string;
  readonly end_date: string | null;
  readonly timezone: string;
  readonly catchup: boolean;
  /** Left out unless it is true, as in releases from before there was such a key. */
  readonly paused?: true;
  readonly max_active_runs: number | null;
  readonly tags: readonly string[];
  readonly params: Readonly<Record<string, JsonValue>>;
  readonly url: string | null;
  readonly callable_file: string | null;
  readonly config_path: string | null;
  readonly email: readonly string[];
  readonly email_on_failure: boolean;
  readonly email_on_retry: boolean;
  readonly email_on_success: boolean;
  readonly retries: number;
  /** In seconds. */
  readonly retry_delay: number;
  readonly each_month: { readonly from: string; readonly to: string } | null;
  readonly tasks: readonly TaskDefinition[];
}

export type TaskDefinition = CallDefinition | LoadDefinition;

interface TaskBase {
  readonly id: string;
  readonly dependencies: readonly string[];
  readonly retries: number | null;
  /** In seconds, as `execution_timeout`. */
  readonly retry_delay: number | null;
  readonly execution_timeout: number | null;
  readonly pool: string | null;
  readonly params: Readonly<Record<string, JsonValue>>;
}

interface CallDefinition extends TaskBase {
  readonly kind: "extract" | "transform";
  readonly callable: string;
  readonly file_extension: string;
  readonly latest_file_comparison_check: boolean;
  /** In seconds; left out where it is not set, as in releases from before there was such a key. */
  readonly wait_for_data?: number;
}

export interface LoadDefinition extends TaskBase {
  readonly kind: "load";
  /** The table. */
  readonly dataset_name: string;
  readonly mode: WriteMode;
  /** Types as the YAML spells them, e.g. `NUMERIC(12,2)`. */
  readonly fields: readonly { readonly name: string; readonly type: string }[];
  readonly max_bad_rows: number;
  /** Left out where it is empty, as in releases from before there was such a key. */
  readonly adopts?: readonly Adoption[];
}

/** The bytes of `definitions/DAG_ID.json`. `readme` is the digest of the scrape's README; `paths` are paths in the release. */
export function renderDefinition(
  dag: Dag,
  { readme, functions, config }: { readonly readme: string; readonly functions: string | null; readonly config: string | null },
): Uint8Array {
  const { schedule } = dag;
  const definition: Definition = {
    definition_version: 1,
    dag: dag.id,
    scrape: dag.scrape,
    file: dag.file,
    readme,
    functions,
    config,
    owner: dag.owner,
    description: dag.description,
    schedule: schedule.kind === "cron" ? schedule.expression : schedule.kind === "assets" ? schedule.tables : null,
    start_date: dag.startDate,
    end_date: dag.endDate,
    timezone: dag.timezone,
    catchup: dag.catchup,
    ...(dag.paused ? { paused: true } : {}),
    max_active_runs: dag.maxActiveRuns,
    tags: dag.tags,
    params: dag.params as Readonly<Record<string, JsonValue>>,
    url: dag.url,
    callable_file: dag.callableFile,
    config_path: dag.configPath,
    email: dag.email,
    email_on_failure: dag.emailOn.failure,
    email_on_retry: dag.emailOn.retry,
    email_on_success: dag.emailOn.success,
    retries: dag.retries,
    retry_delay: dag.retryDelaySeconds,
    each_month: dag.eachMonth,
    tasks: dag.tasks.map(taskDefinition),
  };
  return canonicalJson(definition);
}

function taskDefinition(task: Task): TaskDefinition {
  const base = {
    id: task.id,
    dependencies: task.dependencies,
    retries: task.retries,
    retry_delay: task.retryDelaySeconds,
    execution_timeout: task.executionTimeoutSeconds,
    pool: task.pool,
    params: task.params,
  };
  if (task.kind === "load") {
    const fields = task.fields.map(({ name, type }) => ({ name, type: fieldTypeText(type) }));
    return {
      ...base,
      kind: "load",
      dataset_name: task.table,
      mode: task.mode,
      fields,
      max_bad_rows: task.maxBadRows,
      ...(task.adopts.length === 0 ? {} : { adopts: task.adopts }),
    };
  }
  return {
    ...base,
    kind: task.kind,
    callable: task.callable,
    file_extension: task.fileExtension,
    latest_file_comparison_check: task.comparisonCheck,
    ...(task.kind === "extract" && task.waitForDataSeconds !== null ? { wait_for_data: task.waitForDataSeconds } : {}),
  };
}

/** A type as the YAML spells it. */
function fieldTypeText(type: FieldType): string {
  if (type.name === "VARCHAR") return `VARCHAR(${type.length})`;
  if (type.name !== "NUMERIC" || type.precision === null) return type.name;
  return type.scale === null ? `NUMERIC(${type.precision})` : `NUMERIC(${type.precision},${type.scale})`;
}

/** A load's fields as the load stage takes them. */
export function fieldsOf(load: LoadDefinition): Field[] {
  return load.fields.map(({ name, type }) => {
    const parsed = parseFieldType(type);
    if ("message" in parsed) throw new Error(`parseDefinition let a type through: ${type}`);
    return { name, type: parsed.type, description: null };
  });
}

/** Reads a definition that came from elsewhere. Throws a UserError that says what is wrong with it. */
export function parseDefinition(text: string): Definition {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw invalid("it is not JSON", error);
  }
  const isDefinition = definitionValidator();
  if (!isDefinition(value)) {
    const problem = isDefinition.errors?.[0];
    throw invalid(`${problem?.instancePath || "the document"} ${problem?.message ?? "is wrong"}`);
  }
  if (!isTimeZone(value.timezone)) throw invalid("it names no time zone");
  const ids = new Set(value.tasks.map((task) => task.id));
  if (ids.size !== value.tasks.length) throw invalid("a task is in it twice");
  for (const task of value.tasks) {
    for (const field of task.kind === "load" ? task.fields : []) {
      const parsed = parseFieldType(field.type);
      if ("message" in parsed) throw invalid(parsed.message);
    }
  }
  return value;
}

function invalid(what: string, cause?: unknown): UserError {
  return new UserError(`not the definition of a DAG: ${what}`, {
    hint: "The release was altered or made by another version of dagline.",
    cause,
  });
}
