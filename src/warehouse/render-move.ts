import { UserError } from "../errors.ts";
import { identifier } from "../load/sql.ts";
import type { WriteMode } from "../scrape/model.ts";
import type { MemberDimension, Star } from "./model.ts";
import { moveChecks } from "./move-checks.ts";
import { inferMembers, overwriteMembers } from "./move-dimension.ts";
import { moveFact } from "./move-fact.ts";
import { dimensionLock, dimensionOf, sourceLock, writersOf } from "./names.ts";
import { redshiftType } from "./redshift-types.ts";

/** What of a load decides its statements. `removed`: loads of the table whose rows others took over. */
export interface MovedLoad {
  readonly loadId: string;
  /** The ledger's number of it, by which loads of a table are older and newer. */
  readonly sequence: bigint;
  readonly mode: WriteMode;
  readonly removed: readonly string[];
}

/** `what` says for people what the statement does. */
export interface Statement {
  readonly what: string;
  readonly sql: string;
}

interface MoveStatements {
  /** Tables to LOCK first, in this order. */
  readonly locks: readonly string[];
  readonly stage: { readonly name: string; readonly create: string; readonly columns: readonly string[] };
  readonly dimensions: readonly Statement[];
  readonly facts: readonly Statement[];
  /** Each answers one row with one number, `bad`: 0 when all is well. `what` says what was counted. */
  readonly checks: readonly Statement[];
}

/** What brings one load of `table` into the star, for one transaction. Throws UserError for a dimension that keeps history. */
export function renderMove(star: Star, table: string, load: MovedLoad): MoveStatements {
  const columns = star.sources.find((source) => source.table === table)?.columns;
  if (columns === undefined) throw new Error(`nothing of the star reads table ${table}`);
  const stage = identifier(`dagline_stage_${load.loadId}`);
  const members = star.dimensions.filter((one) => one.kind === "members");
  const own = members.filter(({ members: from }) => from.kind !== "seed" && from.table === table);
  const facts = star.facts.filter(({ source }) => source === table);
  const referred = members.filter(({ name }) => facts.some((fact) => fact.relationships.some(({ dimension }) => dimension === name)));
  for (const dimension of [...own, ...referred]) refuseHistory(dimension);
  const written = members.filter((dimension) => writersOf(star, dimension).has(table));
  const shared = written.filter((dimension) => writersOf(star, dimension).size > 1);
  const definitions = columns.map(({ name, type }) => `${identifier(name)} ${redshiftType(type)}`);
  return {
    locks: [sourceLock(table), ...shared.map(dimensionLock)].sort(),
    stage: { name: stage, create: `CREATE TEMP TABLE ${stage} (${definitions.join(", ")})`, columns: columns.map(({ name }) => name) },
    dimensions: [
      ...own.flatMap((dimension) => overwriteMembers(dimension, stage)),
      ...facts.flatMap((fact) =>
        fact.relationships.flatMap((relationship) => inferMembers(dimensionOf(star, relationship.dimension), relationship, stage)),
      ),
    ],
    facts: facts.flatMap((fact) => moveFact(star, fact, load, stage)),
    checks: moveChecks(star, { own, written, facts, stage, loadId: load.loadId }),
  };
}

function refuseHistory({ name, history }: MemberDimension): void {
  if (history.kind === "overwrite") return;
  throw new UserError(`dimension ${name} keeps history, which no move writes yet`, { hint: "Write scd_type: 1, which overwrites." });
}
