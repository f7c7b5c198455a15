import { lstatSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv } from "ajv";
import schema from "../schemas/preview.schema.json" with { type: "json" };
import { UserError } from "../src/errors.ts";
import type { Plan } from "../src/plan/model.ts";
import { parseRecordedLoads } from "../src/plan/recorded-loads.ts";
import { rowChanges } from "../src/plan/rows.ts";

/** What a plan was made against: the bucket's pointer, the base branch, or nothing. */
export type Basis = "deployed" | "branch" | "none";

/** What the preview workflow found, for the comment workflow: schemas/preview.schema.json. */
export interface Preview {
  readonly pull: number;
  /** The pull request's head. */
  readonly commit: string;
  readonly environment: string;
  readonly basis: Basis;
  readonly plan: Plan;
}

const FILE = "preview.json";
/** Untrusted: no more is read of it than a preview of thousands of DAGs takes. */
const MOST_BYTES = 64 * 1024 * 1024;
const isPreview = new Ajv({ strict: true, strictTypes: false }).compile<Preview>(schema);

/** Refuses what `readPreview` would: the comment workflow's failure is seen by nobody who looks at the pull request. */
export function writePreview(folder: string, preview: Preview): void {
  if (!isPreview(preview)) throw new Error(`schemas/preview.schema.json does not know this preview: ${problemOf(isPreview.errors)}`);
  writeFileSync(join(folder, FILE), JSON.stringify(preview));
}

/**
 * Reads a preview that came from a run of somebody else's code: whatever is in it, it has the form that the schema says, so printing it is safe.
 * The rows that the tests loaded, before and after, are beside it when there were any. Throws UserError when it is of another form.
 */
export function readPreview(folder: string): Preview {
  const preview = parse(readText(folder, FILE) ?? "");
  if (!isPreview(preview)) throw unfit(problemOf(isPreview.errors));
  const [before, after] = ["rows-before.json", "rows-after.json"].map((name) => readText(folder, name));
  if (before === undefined && after === undefined) return preview;
  const none = '{"loads":[]}';
  const rows = rowChanges(parseRecordedLoads(before ?? none, "rows-before.json"), parseRecordedLoads(after ?? none, "rows-after.json"));
  return { ...preview, plan: { ...preview.plan, rows } };
}

function readText(folder: string, name: string): string | undefined {
  const file = join(folder, name);
  const there = lstatSync(file, { throwIfNoEntry: false });
  if (there === undefined) return undefined;
  // A link could lead to any file of the runner.
  if (!there.isFile()) throw unfit(`${name} is not a file`);
  if (there.size > MOST_BYTES) throw unfit(`${name} has more than ${MOST_BYTES} bytes`);
  return readFileSync(file, "utf8");
}

function problemOf(errors: typeof isPreview.errors): string {
  const problem = errors?.[0];
  return `${problem?.instancePath || "it"} ${problem?.message ?? "is wrong"}`;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw unfit("it is missing or not JSON");
  }
}

function unfit(what: string): UserError {
  return new UserError(`${FILE} is not what a preview writes: ${what}`, {
    hint: "It is an artifact of the preview workflow: did that run reach its end?",
  });
}
