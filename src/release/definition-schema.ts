import { Ajv, type ValidateFunction } from "ajv";
import type { Definition } from "./definition.ts";

const text = { type: "string" };
const textOrNull = { type: "string", nullable: true };
const flag = { type: "boolean" };
const count = { type: "number" };
const countOrNull = { type: "number", nullable: true };
const texts = { type: "array", items: text };
const id = { type: "string", pattern: "^[A-Za-z_][A-Za-z0-9_]{0,199}$" };
const object = (properties: Readonly<Record<string, unknown>>, optional: Readonly<Record<string, unknown>> = {}) => ({
  type: "object",
  properties: { ...properties, ...optional },
  required: Object.keys(properties),
  additionalProperties: false,
});

const task = {
  id,
  dependencies: { type: "array", items: id },
  retries: countOrNull,
  retry_delay: countOrNull,
  execution_timeout: countOrNull,
  pool: textOrNull,
  params: { type: "object" },
};

const mode = {
  oneOf: [
    object({ kind: { const: "append" }, slice: textOrNull }),
    object({ kind: { const: "replace" } }),
    object({ kind: { const: "upsert" }, key: texts }),
  ],
};

/** What tells whether a value has the form of a `Definition`. Made when it is first asked for: most commands read none. */
export function definitionValidator(): ValidateFunction<Definition> {
  validator ??= new Ajv({ strict: false }).compile<Definition>(schema);
  return validator;
}

let validator: ValidateFunction<Definition> | undefined;

const schema = object(
  {
    definition_version: { const: 1 },
    dag: id,
    scrape: text,
    file: text,
    readme: text,
    functions: textOrNull,
    config: textOrNull,
    owner: text,
    description: text,
    schedule: { anyOf: [textOrNull, texts] },
    start_date: { type: "string", pattern: "^\\d{4}-\\d{2}-\\d{2}(T\\d{2}:\\d{2}(:\\d{2})?)?$" },
    end_date: { type: "string", nullable: true, pattern: "^\\d{4}-\\d{2}-\\d{2}(T\\d{2}:\\d{2}(:\\d{2})?)?$" },
    timezone: text,
    catchup: flag,
    max_active_runs: countOrNull,
    tags: texts,
    params: { type: "object" },
    url: textOrNull,
    callable_file: textOrNull,
    config_path: textOrNull,
    email: texts,
    email_on_failure: flag,
    email_on_retry: flag,
    email_on_success: flag,
    retries: count,
    retry_delay: count,
    each_month: { anyOf: [{ type: "null" }, object({ from: text, to: text })] },
    tasks: {
      type: "array",
      items: {
        oneOf: [
          object(
            {
              ...task,
              kind: { enum: ["extract", "transform"] },
              callable: text,
              file_extension: text,
              latest_file_comparison_check: flag,
            },
            { wait_for_data: count },
          ),
          object(
            {
              ...task,
              kind: { const: "load" },
              dataset_name: text,
              mode,
              fields: { type: "array", items: object({ name: text, type: text }) },
              max_bad_rows: count,
            },
            { adopts: { type: "array", items: { oneOf: [object({ dag: id, task: id }), object({ slice: text })] } } },
          ),
        ],
      },
    },
  },
  { paused: { const: true } },
);
