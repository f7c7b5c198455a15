/** Everything about the cloud that somebody may want otherwise. `checkConfig` says which values are taken. */
export interface Config {
  /** Stands before each name. Its stacks are `<prefix>-network`, `-data`, `-access` and `-compute`. */
  readonly prefix: string;
  readonly region: string;
  /** The account that the stacks may be deployed to; null takes the one of the credentials. */
  readonly account: string | null;
  /** Tags on everything. */
  readonly owner: string;
  readonly costCentre: string;
  /** Whether the data outlives its stack, and cannot be deleted by mistake. */
  readonly keepData: boolean;
  /** Names of buckets are unique in the world; null makes `<prefix>-airflow-dags-<account>-<region>` and so on. */
  readonly buckets: {
    readonly dags: string | null;
    readonly staging: string | null;
    readonly exports: string | null;
    readonly logs: string | null;
  };
  readonly github: GithubConfig;
  readonly network: NetworkConfig;
  readonly database: DatabaseConfig;
  readonly host: HostConfig;
  readonly warehouse: WarehouseConfig;
  readonly watching: WatchingConfig;
}

/** The repository whose workflows may take the roles. `gh api repos/OWNER/REPOSITORY --jq '.owner.id, .id'` tells the ids. */
export interface GithubConfig {
  readonly owner: string;
  readonly ownerId: number;
  readonly repository: string;
  readonly repositoryId: number;
  readonly branch: string;
  /** The GitHub environment whose jobs deploy; those of `<environment>-infra` apply stacks. */
  readonly environment: string;
  /** An account has one provider for GitHub: its ARN where it exists already, null to make it. */
  readonly providerArn: string | null;
}

interface NetworkConfig {
  readonly cidr: string;
  /**
   * What is reached without the internet, beside S3, which costs nothing. Each costs by the hour and zone. The private subnets need secretsmanager alone;
   * the host has a way to the internet, and needs the others only where that is not to be used for commands and logs.
   */
  readonly endpoints: readonly Endpoint[];
  readonly endpointZones: 1 | 2;
}

export type Endpoint = "ssm" | "ssmmessages" | "logs" | "secretsmanager";

interface DatabaseConfig {
  /** Without `db.`. */
  readonly size: string;
  readonly storageGb: number;
  /** RDS grows the storage by itself, up to this. */
  readonly maxStorageGb: number;
  readonly standby: boolean;
  readonly backupDays: number;
}

interface HostConfig {
  /** The tag `Name`, by which `.github/environments.yml` names it. */
  readonly name: string;
  readonly size: string;
  readonly volumeGb: number;
  /** Release and serial of Canonical's image. Pinned: `current` would replace the host whenever Canonical publishes one. */
  readonly ubuntu: string;
}

type WarehouseConfig =
  | { readonly kind: "provisioned"; readonly nodeType: string; readonly nodes: number }
  | { readonly kind: "serverless"; readonly baseRpus: number }
  | { readonly kind: "none" };

interface WatchingConfig {
  /** Who hears of alarms, once they have confirmed AWS's e-mail. */
  readonly email: string | null;
  readonly monthlyBudgetUsd: number;
  readonly logDays: number;
}

const production: Config = {
  prefix: "data-pipeline",
  region: "eu-west-2",
  account: null,
  owner: "data-platform",
  costCentre: "data",
  keepData: true,
  buckets: { dags: null, staging: null, exports: null, logs: null },
  // No account on GitHub can have this name or these ids: nobody is trusted until they are set.
  github: {
    owner: "your_organisation",
    ownerId: 0,
    repository: "data-pipeline",
    repositoryId: 0,
    branch: "main",
    environment: "production",
    providerArn: null,
  },
  network: { cidr: "10.40.0.0/20", endpoints: ["secretsmanager"], endpointZones: 1 },
  database: { size: "t4g.medium", storageGb: 50, maxStorageGb: 500, standby: false, backupDays: 14 },
  host: { name: "airflow-server", size: "t3.large", volumeGb: 60, ubuntu: "24.04/stable/20260313" },
  warehouse: { kind: "provisioned", nodeType: "ra3.xlplus", nodes: 1 },
  watching: { email: null, monthlyBudgetUsd: 1500, logDays: 90 },
};

/** Costs little, and goes away whole. It needs an account or a region of its own: SSM documents have the same names in each. */
const preview: Config = {
  ...production,
  prefix: "data-pipeline-preview",
  keepData: false,
  github: { ...production.github, environment: "preview" },
  network: { cidr: "10.41.0.0/20", endpoints: ["secretsmanager"], endpointZones: 1 },
  database: { size: "t4g.micro", storageGb: 20, maxStorageGb: 50, standby: false, backupDays: 1 },
  host: { ...production.host, name: "airflow-server-preview", size: "t3.medium", volumeGb: 30 },
  warehouse: { kind: "none" },
  watching: { email: null, monthlyBudgetUsd: 150, logDays: 14 },
};

/** By the name that `cdk --context environment=NAME` gives. */
export const environments = { production, preview } as const satisfies Record<string, Config>;
