import type { FieldType } from "../scrape/model.ts";

/**
 * The star of the whole repository: what the `warehouse.yml` files declare, resolved against the tables that the loads write, and checked.
 * Plain data: it travels in a release as `warehouse/star.json`. Lists are sorted by name, so that the same declarations give the same bytes.
 */
export interface Star {
  readonly dimensions: readonly Dimension[];
  readonly facts: readonly Fact[];
  /** Each table of PostgreSQL that a fact or a dimension reads. */
  readonly sources: readonly Source[];
}

/** A table that loads of this repository write, with the columns that reach the warehouse. */
export interface Source {
  readonly table: string;
  /** What a move exports, in this order: each column that a fact or dimension uses, and the keys of upserts. */
  readonly columns: readonly SourceColumn[];
}

export interface SourceColumn {
  readonly name: string;
  /** A NUMERIC has its precision here. */
  readonly type: FieldType;
}

export type Dimension = CalendarDimension | MemberDimension;

/** Its key is the date as the number yyyymmdd. */
interface CalendarDimension {
  readonly kind: "calendar";
  readonly name: string;
  readonly schema: string;
  /** ISO dates, both included. */
  readonly from: string;
  readonly to: string;
}

export interface MemberDimension {
  readonly kind: "members";
  readonly name: string;
  readonly schema: string;
  readonly members: MembersFrom;
  readonly naturalKey: readonly SourceColumn[];
  readonly attributes: readonly SourceColumn[];
  readonly history: History;
  /** The attributes of member -1, which stands for null and for codes without a member. */
  readonly unknownMember: Readonly<Record<string, string>>;
  /** What a fact's code without a member does: it makes one, meets member -1, or refuses the load. */
  readonly lateArriving: "infer" | "unknown" | "error";
  readonly dist: Dist;
}

/** Where members come from: a table, a code list in Git (a path in the release), or the values that a fact's table holds. */
type MembersFrom =
  | { readonly kind: "table"; readonly table: string }
  | { readonly kind: "seed"; readonly file: string }
  | { readonly kind: "distinct"; readonly table: string };

/** scd_type 1 overwrites, scd_type 2 keeps history. */
type History =
  | { readonly kind: "overwrite" }
  | {
      readonly kind: "versions";
      readonly changes:
        | { readonly kind: "check"; readonly columns: readonly string[] }
        | { readonly kind: "timestamp"; readonly column: string };
      readonly hardDeletes: "ignore" | "invalidate" | "new_record";
    };

export interface Fact {
  readonly name: string;
  readonly schema: string;
  /** A table of `sources`. */
  readonly source: string;
  readonly grain: string;
  readonly relationships: readonly Relationship[];
  /** Columns that stay as they are: `columns`, `degenerate_dimensions`, and the keys of upserts. */
  readonly columns: readonly SourceColumn[];
  readonly measures: readonly Measure[];
  readonly dist: Dist;
  readonly sort: readonly string[];
}

export interface Relationship {
  readonly dimension: string;
  /** The name of its key column is this with `_key`: the dimension's name where no role is given. */
  readonly role: string;
  /** Natural key column of the dimension → column of the fact's source. For a calendar: `date` → the column. */
  readonly on: Readonly<Record<string, string>>;
  /** For a dimension with versions: the column of the source whose moment decides the version. */
  readonly asOf: string | null;
}

interface Measure extends SourceColumn {
  readonly agg: "sum" | "avg" | "min" | "max" | "count";
  readonly additive: boolean;
  readonly description: string | null;
}

export type Dist = { readonly kind: "auto" | "all" | "even" } | { readonly kind: "key"; readonly column: string };
