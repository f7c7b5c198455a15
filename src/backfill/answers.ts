import { Ajv } from "ajv";
import { UserError } from "../errors.ts";
import type { BackfillAction } from "./host-request.ts";
import type { BackfillPlan } from "./plan.ts";
import type { BackfillProgress } from "./progress.ts";

/** What the agent answers to each action when all went well. */
export interface BackfillAnswers {
  readonly "dry-run": BackfillPlan;
  /** `resumed`: it goes on with one that had begun. */
  readonly start: { readonly id: string; readonly resumed: boolean };
  readonly status: BackfillProgress;
  /** How many queued runs were ended, and how many that had begun finish. `id` is null when it was asked for without one, and there is none. */
  readonly cancel: { readonly id: string | null; readonly cancelled: number; readonly running: number };
}

/** The agent's answer, checked: the host may have another version. Throws UserError that names the action and the member that is wrong. */
export function readAnswer<Action extends BackfillAction>(action: Action, answer: unknown): BackfillAnswers[Action] {
  const isRight = ajv.compile<BackfillAnswers[Action]>(schemas[action]); // it compiles each once, and none for other commands
  if (isRight(answer)) return answer;
  const { instancePath = "", message = "is wrong" } = isRight.errors?.[0] ?? {};
  throw new UserError(
    `the host's answer to a backfill's ${action} is not one that this dagline reads: ${`${instancePath.slice(1)} ${message}`.trim()}`,
    {
      hint: "Bring the host's agent up to this version.",
    },
  );
}

const text = { type: "string" };
const textOrNull = { type: "string", nullable: true };
const count = { type: "integer", minimum: 0 };
const list = (items: object) => ({ type: "array", items });
/** A newer agent may say more. */
const object = (properties: Readonly<Record<string, unknown>>) => ({ type: "object", properties, required: Object.keys(properties) });

const ajv = new Ajv({ strict: true });
const schemas: { readonly [Action in BackfillAction]: object } = {
  "dry-run": object({
    dag: text,
    release: textOrNull,
    kind: { enum: ["schedule", "periods"] },
    timezone: text,
    paused: { type: "boolean" },
    running: textOrNull,
    counts: object({ create: count, reprocess: count, skip: count }),
    under_way: count,
    runs: list(object({ period: text, run_id: textOrNull, state: textOrNull, action: { enum: ["create", "reprocess", "skip"] } })),
    more: count,
    notes: list(text),
  }),
  start: object({ id: text, resumed: { type: "boolean" } }),
  status: object({
    id: text,
    done: { type: "boolean" },
    total: count,
    counts: { type: "object", additionalProperties: count },
    runs: list(object({ period: text, run_id: text, state: text })),
    more: count,
    failures: list(object({ period: text, run_id: text, task: textOrNull, message: text })),
    halted: textOrNull,
  }),
  cancel: object({ id: textOrNull, cancelled: count, running: count }),
};
