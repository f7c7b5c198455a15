import type { ResourceChange } from "./compare-templates.ts";
import { isObject, listOf } from "./template.ts";
import { sameValue } from "./values.ts";

/** Types that hold data which nothing else brings back, and what they are to a reader. */
const dataTypes: Readonly<Record<string, string>> = {
  "AWS::RDS::DBInstance": "database",
  "AWS::RDS::DBCluster": "database cluster",
  "AWS::S3::Bucket": "bucket",
  "AWS::Redshift::Cluster": "Redshift cluster",
  "AWS::RedshiftServerless::Namespace": "Redshift namespace",
  "AWS::EC2::Volume": "volume",
  "AWS::EFS::FileSystem": "file system",
  "AWS::DynamoDB::Table": "table",
  "AWS::DynamoDB::GlobalTable": "table",
  "AWS::KMS::Key": "encryption key",
  "AWS::SecretsManager::Secret": "secret",
  "AWS::SQS::Queue": "queue",
  "AWS::Logs::LogGroup": "log group",
  "AWS::Cognito::UserPool": "user pool",
};

/** Properties that the specification says may replace, and that only interrupt (the type's page of the CloudFormation reference). */
const onlyInterrupts: Readonly<Record<string, ReadonlySet<string>>> = {
  "AWS::RDS::DBInstance": new Set([
    "AutoMinorVersionUpgrade",
    "BackupRetentionPeriod",
    "DBParameterGroupName",
    "MultiAZ",
    "PreferredMaintenanceWindow",
    "StorageType",
  ]),
};

/** Switches whose turning off takes a guard away, and what to say of it. */
const guards: readonly {
  readonly type: string;
  readonly property: string;
  readonly on: (value: unknown) => boolean;
  readonly off: string;
}[] = [
  { type: "AWS::RDS::DBInstance", property: "DeletionProtection", on: isTrue, off: "deletion protection is switched off" },
  { type: "AWS::RDS::DBCluster", property: "DeletionProtection", on: isTrue, off: "deletion protection is switched off" },
  {
    type: "AWS::RDS::DBInstance",
    property: "BackupRetentionPeriod",
    on: (days) => Number(days ?? 1) > 0,
    off: "there are no more backups",
  },
  { type: "AWS::S3::Bucket", property: "VersioningConfiguration", on: isEnabled, off: "old versions of objects are no longer kept" },
];

/** Whether resources of this type hold data. */
export function holdsData(type: string): boolean {
  return Object.hasOwn(dataTypes, type);
}

/** Why a change loses data, in a sentence; undefined when it does not. */
export function dataLoss(change: ResourceChange): string | undefined {
  const kind = dataTypes[change.before?.Type ?? change.type];
  if (kind === undefined || change.action === "create") return undefined;
  const what = `the ${kind} ${change.name}`;
  if (change.action === "delete") {
    return `${what} is removed from the stack${kept(change.before?.DeletionPolicy, "it is deleted with all that is in it")}`;
  }
  const why = causesText(change);
  if (change.action === "replace") {
    const old = kept(change.after?.UpdateReplacePolicy, "the old one is deleted with all that is in it");
    return `${what} is replaced by a new, empty one, because ${why}${old}`;
  }
  const silent = silentLosses(change);
  if (silent.length > 0) return `${what} ${silent.join("; it ")}`;
  if (!change.maybeReplaced || certainlyKept(change)) return undefined;
  return `${what} may be replaced by a new, empty one: CloudFormation decides, because ${why}`;
}

/** Properties whose change takes more than "update" says. Each answers in words that follow the resource's name. */
const silent: readonly {
  readonly type: string;
  readonly property: string;
  readonly loses: (before: unknown, after: unknown) => string | undefined;
}[] = [
  {
    // CloudFormation, "AWS::SecretsManager::Secret GenerateSecretString": a changed generator generates anew, in place of the whole value.
    type: "AWS::SecretsManager::Secret",
    property: "GenerateSecretString",
    loses: () => "gets a new value: the password that is in use now, and what was added to it later (host, port), are gone",
  },
  {
    type: "AWS::SecretsManager::Secret",
    property: "SecretString",
    loses: () => "gets another value: what is in it now, also by rotation, is gone",
  },
  { type: "AWS::Logs::LogGroup", property: "RetentionInDays", loses: shorter("days") },
  { type: "AWS::SQS::Queue", property: "MessageRetentionPeriod", loses: shorter("seconds") },
  {
    type: "AWS::S3::Bucket",
    property: "LifecycleConfiguration",
    loses: (before, after) => {
      const [old, next] = [expiries(before), expiries(after)];
      const sooner = [...next].filter(([prefix, days]) => days < (old.get(prefix) ?? Number.POSITIVE_INFINITY));
      const shown = sooner.map(([prefix, days]) => `${prefix === "" ? "everything" : `${prefix}*`} after ${days} days`);
      return shown.length === 0 ? undefined : `expires objects sooner than before: ${shown.join(", ")}`;
    },
  },
];

function silentLosses({ type, action, before, after }: ResourceChange): string[] {
  if (action !== "update") return [];
  return silent.flatMap((one) => {
    const [old, next] = [before?.Properties?.[one.property], after?.Properties?.[one.property]];
    if (one.type !== type || next === undefined || sameValue(old, next)) return [];
    return one.loses(old, next) ?? [];
  });
}

/** A retention that is not given is for ever, or the service's default. */
function shorter(unit: string): (before: unknown, after: unknown) => string | undefined {
  return (before, after) =>
    Number(after) < Number(before ?? Number.POSITIVE_INFINITY) ? `keeps what is in it for ${String(after)} ${unit} only` : undefined;
}

/** The days until objects expire, by prefix; the least of several rules. Expiry of versions counts as such, too. */
function expiries(lifecycle: unknown): Map<string, number> {
  const rules = isObject(lifecycle) ? listOf(lifecycle.Rules) : [];
  const found = new Map<string, number>();
  for (const rule of rules) {
    if (!isObject(rule) || rule.Status === "Disabled") continue;
    const old = isObject(rule.NoncurrentVersionExpiration)
      ? rule.NoncurrentVersionExpiration.NoncurrentDays
      : rule.NoncurrentVersionExpirationInDays;
    const prefix = typeof rule.Prefix === "string" ? rule.Prefix : "";
    for (const [of, days] of [
      [prefix, rule.ExpirationInDays],
      [`old versions of ${prefix}`, old],
    ] as const) {
      if (days !== undefined) found.set(of, Math.min(Number(days), found.get(of) ?? Number.POSITIVE_INFINITY));
    }
  }
  return found;
}

/** What guards the resource's data and is taken away by the change, in words. */
export function guardsLost({ type, before, after, action }: ResourceChange): string[] {
  if (action === "create" || action === "delete" || before === null || after === null) return [];
  const switched = guards.filter(
    (guard) => guard.type === type && guard.on(before.Properties?.[guard.property]) && !guard.on(after.Properties?.[guard.property]),
  );
  const policies = (["DeletionPolicy", "UpdateReplacePolicy"] as const).filter(
    (name) => holdsData(type) && isKept(before[name]) && !isKept(after[name]),
  );
  return [
    ...switched.map(({ off }) => off),
    ...policies.map((name) => `${name === "DeletionPolicy" ? "once removed" : "once replaced"}, it is no longer kept (${name})`),
  ];
}

/** `its DBName changes`, `its subnet group Data/Subnets is replaced`. */
export function causesText({ causes }: ResourceChange): string {
  return causes
    .map(({ property, because }) => (because === null ? `its ${property} changes` : `${because} is replaced, which its ${property} names`))
    .join(", ");
}

/** Whether what CloudFormation "may replace" is known to stay. */
function certainlyKept({ type, causes }: ResourceChange): boolean {
  const harmless = onlyInterrupts[type];
  return causes.every(({ property }) => harmless?.has(property) === true);
}

function kept(policy: string | undefined, otherwise: string): string {
  if (policy === "Retain" || policy === "RetainExceptOnCreate") return ": it stays in the account, and nothing manages it any more";
  if (policy === "Snapshot") return `: a snapshot is kept, else ${otherwise}`;
  return `: ${otherwise}`;
}

function isKept(policy: string | undefined): boolean {
  return policy === "Retain" || policy === "RetainExceptOnCreate" || policy === "Snapshot";
}

function isTrue(value: unknown): boolean {
  return value === true || value === "true";
}

function isEnabled(value: unknown): boolean {
  return (value as { Status?: unknown } | undefined)?.Status === "Enabled";
}
