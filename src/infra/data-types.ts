import type { ResourceChange } from "./compare-templates.ts";

/** Types that hold data which nothing else brings back, and what they are to a reader. */
const dataTypes: Readonly<Record<string, string>> = {
  "AWS::RDS::DBInstance": "the database",
  "AWS::RDS::DBCluster": "the database cluster",
  "AWS::S3::Bucket": "the bucket",
  "AWS::Redshift::Cluster": "the Redshift cluster",
  "AWS::RedshiftServerless::Namespace": "the Redshift namespace",
  "AWS::EC2::Volume": "the volume",
  "AWS::EFS::FileSystem": "the file system",
  "AWS::DynamoDB::Table": "the table",
  "AWS::DynamoDB::GlobalTable": "the table",
  "AWS::KMS::Key": "the key, without which what it encrypted cannot be read,",
  "AWS::SecretsManager::Secret": "the secret",
  "AWS::SQS::Queue": "the queue with the messages in it",
  "AWS::Logs::LogGroup": "the log group",
  "AWS::Cognito::UserPool": "the user pool",
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
  const what = dataTypes[change.before?.Type ?? change.type];
  if (what === undefined || change.action === "create") return undefined;
  if (change.action === "delete") {
    return `${what} is removed from the stack${kept(change.before?.DeletionPolicy, "it is deleted with all that is in it")}`;
  }
  const why = causesText(change);
  if (change.action === "replace") {
    const old = kept(change.after?.UpdateReplacePolicy, "the old one is deleted with all that is in it");
    return `${what} is replaced by a new, empty one, because ${why}${old}`;
  }
  if (!change.maybeReplaced || certainlyKept(change)) return undefined;
  return `${what} may be replaced by a new, empty one: CloudFormation decides, because ${why}`;
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
