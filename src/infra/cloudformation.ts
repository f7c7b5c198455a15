/** CloudFormation of one account and region, as far as planning and applying need it. */
export interface CloudFormation {
  readonly region: string;
  /** null: there is no such stack. */
  describe(stack: string): Promise<StackState | null>;
  /** The deployed template's text, as it was sent. */
  template(stack: string): Promise<string>;
  /** Events after the one named, oldest first; `after` null: all that CloudFormation still has. */
  events(stack: string, after: string | null): Promise<readonly StackEvent[]>;
  /** null: there is no such change set, or it is empty. */
  changeSet(stack: string, name: string): Promise<ChangeSet | null>;
  /** `changeSet`: its ARN. */
  execute(stack: string, changeSet: string): Promise<void>;
  /** Has an update under way rolled back. */
  cancelUpdate(stack: string): Promise<void>;
}

export interface StackState {
  readonly name: string;
  /** Its ARN, which names the account. */
  readonly id: string;
  /** `CREATE_COMPLETE` and so on. */
  readonly status: string;
  /** When it was last changed, ISO 8601. */
  readonly updated: string;
  readonly outputs: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
}

export interface StackEvent {
  readonly id: string;
  readonly resource: string;
  readonly type: string;
  readonly status: string;
  readonly reason: string | null;
}

export interface ChangeSet {
  /** Its ARN. */
  readonly id: string;
  readonly entries: readonly ChangeSetEntry[];
}

interface ChangeSetEntry {
  readonly resource: string;
  readonly type: string;
  readonly action: "Add" | "Modify" | "Remove" | "Import" | "Dynamic" | (string & {});
  /** What CloudFormation has decided; null for what is added or removed. */
  readonly replacement: "True" | "False" | "Conditional" | null;
  /** What becomes of a resource that is removed or replaced: `Delete`, `Retain`, `Snapshot`. */
  readonly policy: string | null;
}

/** The CDK's command line, run by `src/services/cdk.ts`. */
export interface Cdk {
  /** Writes the app's cloud assembly to a folder. The app gets no credentials: it runs whatever a pull request says. */
  synthesize(out: string, environment: SynthesisEnvironment): Promise<void>;
  /** Publishes a stack's assets and makes its change set; none when nothing changes. Rejects with a UserError or TransientError. */
  prepareChangeSet(
    assembly: string,
    stack: string,
    changeSet: string,
    options: { readonly region: string; readonly signal: AbortSignal; readonly onLine: (line: string) => void },
  ): Promise<void>;
}

export interface SynthesisEnvironment {
  readonly account: string;
  readonly region: string;
  /** What the app is told as `--context NAME=VALUE`. */
  readonly context: Readonly<Record<string, string>>;
}
