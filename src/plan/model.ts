import type { ReleaseId, Sha256 } from "../ids.ts";
import type { RecordedLoad } from "../recorded-load.ts";

/** What a deploy would change, as data that JSON can hold. All texts are as the user wrote them: whoever prints them escapes them. */
export interface Plan {
  /** SHA-256 over the deployed release, the new one and the infra diff: the same three give the same id. */
  readonly id: Sha256;
  /** null: nothing is deployed yet. */
  readonly base: ReleaseName | null;
  readonly next: ReleaseName;
  /** Whether there is nothing to deploy: the release is the deployed one, and no cloud resource changes. */
  readonly nothing: boolean;
  /** Whether what changes is read by people only: READMEs shown in Airflow, comments and the order of lines in YAML. */
  readonly documentationOnly: boolean;
  /** How many DAGs the new release has. */
  readonly total: number;
  /** By id: those that were added, removed or changed. */
  readonly dags: readonly DagPlan[];
  readonly tables: readonly TablePlan[];
  /** What recorded loads of tests brought, before and after; empty when nothing was recorded. */
  readonly rows: readonly RowsPlan[];
  /** What Airflow does once this is live: for added and changed DAGs. */
  readonly upcoming: readonly UpcomingPlan[];
  readonly code: readonly CodePlan[];
  /** Other changed files: of dagline itself, or configuration that no DAG names. */
  readonly files: readonly { readonly what: string; readonly paths: readonly string[] }[];
  readonly destructive: readonly Destructive[];
  /** null: not looked at. */
  readonly infra: InfraChanges | null;
}

interface ReleaseName {
  readonly release: ReleaseId;
  readonly commit: string | null;
}

export interface DagPlan {
  readonly dag: string;
  /** Its YAML file. */
  readonly source: string;
  readonly change: "added" | "removed" | "changed";
  /** Whether only what people read has changed. */
  readonly documentationOnly: boolean;
  /** Empty for added and removed DAGs. */
  readonly changes: readonly Change[];
  /** The DAG's graph in Mermaid's language, escaped; null for removed DAGs and where the definition is unknown. */
  readonly graph: string | null;
  /** Unified diff of the rendered Python, cut when long; null when the text is unknown or the same. */
  readonly python: string | null;
}

/** One change in the words of the YAML. `from` null: added or unset before; `to` null: removed. */
export interface Change {
  /** A task's id; null: the DAG's own. */
  readonly task: string | null;
  readonly what: ChangeKind;
  /** What it is about, where `what` alone does not tell: a key, a param's name, a field, a path. */
  readonly name: string | null;
  readonly from: string | null;
  readonly to: string | null;
}

export type ChangeKind =
  | "setting"
  | "param"
  | "task added"
  | "task removed"
  | "dependencies"
  | "field"
  | "fields reordered"
  | "configuration"
  | "code"
  | "documentation"
  | "source lines"
  | "rendering"
  | "details unknown";

export interface TablePlan {
  readonly table: string;
  /** The DAGs that load it, in the new release or, when it is removed, in the deployed one. */
  readonly dags: readonly string[];
  readonly change: "created" | "altered" | "refused" | "removed" | "kept" | "unknown";
  /** What the statements start from: the live table, the fields of the deployed release, or nothing. */
  readonly basis: "live" | "released" | "none" | "unknown";
  /** What the next load would run. */
  readonly statements: readonly string[];
  /** Why the next load would fail. */
  readonly refusals: readonly string[];
  /** Columns that stay in the table and are null in new rows. */
  readonly noLongerFilled: readonly string[];
  readonly notes: readonly string[];
  /** Rows that a load takes over from the name that they bear: nothing is lost or doubled. */
  readonly adopted: readonly string[];
}

/** What the tests of a scrape loaded, as `dagline test --rows` records it. */
export interface RecordedLoads {
  readonly loads: readonly RecordedLoad[];
}

export interface RowsPlan {
  readonly dag: string;
  readonly task: string;
  readonly table: string;
  /** Which of this task's loads it is, from 1, where the tests run it several times; null where it is the only one. */
  readonly load: number | null;
  /** Row counts; null: no such load then. */
  readonly before: number | null;
  readonly after: number | null;
  readonly columnsAdded: readonly string[];
  readonly columnsRemoved: readonly string[];
  readonly same: boolean;
  /** Rows of the samples that differ, side by side. */
  readonly sample: readonly RowChange[];
}

export interface RowChange {
  /** The first column's value, to know the row by. */
  readonly row: { readonly column: string; readonly value: string | null } | null;
  readonly change: "added" | "removed" | "changed";
  /** The cells that differ; `before` undefined: the row or column was not there, `after` undefined: it is no longer. */
  readonly cells: readonly { readonly column: string; readonly before?: string | null; readonly after?: string | null }[];
}

export interface UpcomingPlan {
  readonly dag: string;
  readonly change: "added" | "changed" | "removed";
  /** Whether its schedule, start, end, time zone or catch-up is new or another one. */
  readonly rescheduled: boolean;
  readonly trigger: "cron" | "assets" | "on demand" | "unknown" | "none";
  /** The cron expression, or the tables. */
  readonly schedule: string | null;
  /** Runs that Airflow creates as soon as the release is live. For a DAG that was there: as if it had run until now. */
  readonly runsAtOnce: number;
  /** Runs that it would create if the DAG had never run. Differs from `runsAtOnce` only for a DAG that was there. */
  readonly runsIfNew: number;
  /** When the first run after those starts, ISO 8601 in UTC; null: never, or not by the clock. */
  readonly nextRun: string | null;
  /** After a change of the schedule: the time between the last run's interval and the next one's, which no run covers; null: there is none. */
  readonly uncovered: TimeSpan | null;
  /** Likewise: the time that the last run covered and the next one covers again. */
  readonly coveredTwice: TimeSpan | null;
  readonly maxActiveRuns: number | null;
  readonly pause: PausePlan;
  /** Runs that are under way and stay on the release that they started on; null: not known. */
  readonly inFlight: number | null;
}

/** ISO 8601 in UTC. */
export interface TimeSpan {
  readonly from: string;
  readonly to: string;
}

/** Whether a DAG is paused in Airflow once the release is live, and why. */
export type PausePlan =
  | "active"
  | "arrives paused"
  /** The deploy changes `paused` in the YAML. */
  | "pauses"
  | "unpauses"
  /** Airflow says that it is paused now, and the deploy leaves it so. */
  | "stays paused"
  /** The YAML says so before and after; a person may have unpaused it, since Airflow was not asked. */
  | "paused by its YAML";

export interface CodePlan {
  /** The bundle in the release. */
  readonly bundle: string;
  readonly change: "added" | "removed" | "changed";
  readonly dags: readonly string[];
  /** The source files that differ; empty: the same sources, put together otherwise; null: not known. */
  readonly because: readonly string[] | null;
}

export interface Destructive {
  readonly what: string;
  readonly why: string;
  readonly dag: string | null;
  readonly table: string | null;
  readonly resource: string | null;
}

/** The diff of cloud resources, made elsewhere: the plan carries it. */
export interface InfraChanges {
  readonly changes: readonly {
    readonly stack: string;
    readonly resource: string;
    readonly type: string;
    readonly action: string;
    readonly reason?: string;
  }[];
  /** Permissions or networks that become wider, in words. */
  readonly widened: readonly string[];
  readonly destructive: readonly { readonly resource: string; readonly why: string }[];
  /** What CloudFormation would refuse, and what to do instead: nothing is applied while there is any. */
  readonly refused: readonly { readonly resource: string; readonly why: string }[];
  readonly digest: string;
}
