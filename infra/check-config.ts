import { UserError } from "../src/errors.ts";
import type { Config } from "./config.ts";

/** Returns the configuration. Throws a UserError that names each wrong key of `environment`, what is wrong with it, and what fits. */
export function checkConfig(environment: string, config: Config): Config {
  const problems = rules(config).flatMap(([key, holds, what]) => (holds ? [] : [`${environment}.${key} ${what}`]));
  if (problems.length === 0) return config;
  throw new UserError(`infra/config.ts: ${problems.join("; ")}`, { hint: "The comments in that file say what each key means." });
}

/** Key, whether it holds, what it has to be. */
function rules({ prefix, region, account, buckets, github, network, database, host, warehouse, watching, ...tags }: Config) {
  const list: [string, boolean, string][] = [
    [
      "prefix",
      /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(prefix) && prefix.length <= 24,
      "has to be at most 24 small letters, digits and single hyphens",
    ],
    [
      "prefix",
      !/^(aws|amazon|amzn)(-|$)/.test(prefix),
      "may not begin with aws, amazon or amzn: Systems Manager keeps these names for its own documents",
    ],
    ["region", /^[a-z]{2}(-[a-z]+)+-\d$/.test(region), `has to be a region such as eu-west-2, not ${shown(region)}`],
    [
      "region",
      !/^(cn|us-gov|us-iso[a-z]*|eu-isoe|eusc)-/.test(region),
      `has to be in AWS's partition \`aws\`, not ${shown(region)}: names of resources (ARNs) are of that one`,
    ],
    ["account", account === null || /^\d{12}$/.test(account), "has to be 12 digits, or null"],
    ["owner", isTag(tags.owner), TAG],
    ["costCentre", isTag(tags.costCentre), TAG],
    ["github.owner", /^[A-Za-z0-9_-]{1,60}$/.test(github.owner), "has to be the name of a user or an organisation"],
    ["github.ownerId", isCount(github.ownerId, 0), "has to be the number that GitHub has for the owner"],
    ["github.repository", /^[A-Za-z0-9._-]{1,100}$/.test(github.repository), "has to be a repository's name without its owner"],
    ["github.repositoryId", isCount(github.repositoryId, 0), "has to be the number that GitHub has for the repository"],
    ["github.branch", /^[A-Za-z0-9._/-]{1,200}$/.test(github.branch), "has to be a branch's name, without a wildcard"],
    ["github.environment", /^[A-Za-z0-9._-]{1,200}$/.test(github.environment), "has to be an environment's name, without a wildcard"],
    [
      "github.providerArn",
      github.providerArn === null || /^arn:aws:iam::\d{12}:oidc-provider\/token\.actions\.githubusercontent\.com$/.test(github.providerArn),
      "has to be arn:aws:iam::ACCOUNT:oidc-provider/token.actions.githubusercontent.com, or null",
    ],
    [
      "network.cidr",
      isRange(network.cidr, 16, 20) && isPrivateNetwork(network.cidr),
      "has to be a private IPv4 range of /16 to /20 that begins at its first address, such as 10.40.0.0/20",
    ],
    [
      "network.endpoints",
      network.endpoints.includes("secretsmanager"),
      "has to have secretsmanager: the password's rotation knows no other way",
    ],
    ["database.size", isSize(database.size), "has to be an instance class without db., such as t4g.medium"],
    ["database.size", !/^t\d+[a-z]*\.nano$/.test(database.size), "has to be micro or larger: RDS has no nano"],
    ["database.storageGb", isCount(database.storageGb, 20), "has to be at least 20"],
    ["database.maxStorageGb", database.maxStorageGb >= database.storageGb * 1.1, "has to be at least a tenth more than storageGb"],
    ["database.backupDays", isCount(database.backupDays, 1) && database.backupDays <= 35, "has to be 1 to 35"],
    ["host.name", /^[a-z0-9][a-z0-9-]{0,62}$/.test(host.name), "has to be small letters, digits and hyphens"],
    [
      "host.size",
      isSize(host.size) && !/^[a-z]+\d+[a-z]*g[a-z]*\./.test(host.size),
      "has to be an instance type for x86-64, such as t3.large: bootstrap.sh installs for that alone",
    ],
    [
      "host.size",
      !/\.(nano|micro|small)$/.test(host.size),
      "has to be medium or larger: Airflow takes 750 MB at rest, and each task up to 700 MB more",
    ],
    ["host.volumeGb", isCount(host.volumeGb, 20), "has to be at least 20: Airflow and its packages take 5"],
    [
      "host.ubuntu",
      /^24\.04\/stable\/(\d{8}(\.\d+)?|current)$/.test(host.ubuntu),
      "has to be 24.04/stable/SERIAL, such as 24.04/stable/20260313: bootstrap.sh is for that release",
    ],
    ["watching.email", watching.email === null || /^[^@\s]+@[^@\s]+$/.test(watching.email), "has to be an e-mail address, or null"],
    ["watching.monthlyBudgetUsd", watching.monthlyBudgetUsd > 0, "has to be more than 0"],
    ["watching.logDays", LOG_DAYS.includes(watching.logDays), `has to be one of ${LOG_DAYS.join(", ")}`],
  ];
  for (const [key, name] of Object.entries(buckets)) {
    list.push([
      `buckets.${key}`,
      name === null || isBucketName(name),
      "has to be 3 to 63 small letters, digits and hyphens, or null; some beginnings and ends are AWS's (xn--, sthree-, amzn-s3-demo-, -s3alias, --ol-s3)",
    ]);
    list.push([
      `buckets.${key}`,
      name === null || Object.values(buckets).filter((other) => other === name).length === 1,
      "has to be a bucket of its own",
    ]);
  }
  list.push([
    "host.webFrom",
    !("webFrom" in host),
    "is no setting any more: Session Manager forwards the port of Airflow's UI (docs/cloud.md), and nothing listens to the internet",
  ]);
  if (warehouse.kind === "provisioned") {
    const nodes = nodesOf[warehouse.nodeType];
    list.push(["warehouse.nodeType", nodes !== undefined, `has to be one of ${Object.keys(nodesOf).join(", ")}`]);
    if (nodes !== undefined) {
      const [least, most] = nodes;
      list.push([
        "warehouse.nodes",
        isCount(warehouse.nodes, least) && warehouse.nodes <= most,
        `has to be ${least} to ${most} of ${warehouse.nodeType}`,
      ]);
    }
  }
  if (warehouse.kind === "serverless") {
    const rpus = warehouse.baseRpus;
    list.push([
      "warehouse.baseRpus",
      rpus === 4 || (isCount(rpus, 8) && rpus <= 1024 && rpus % 8 === 0),
      "has to be 4, or a multiple of 8 from 8 to 1024",
    ]);
  }
  return list;
}

/**
 * The least and most nodes of a type (Redshift, "Amazon Redshift provisioned clusters", node type details; "Compute capacity for Amazon Redshift Serverless"
 * has the RPUs). RG are the newer ones, with Graviton processors; no page that we have read gives their ranges, so they have those of RA3 of the same size.
 */
const nodesOf: Readonly<Record<string, readonly [least: number, most: number]>> = {
  "ra3.large": [1, 16],
  "ra3.xlplus": [1, 32],
  "ra3.4xlarge": [2, 128],
  "ra3.16xlarge": [2, 128],
  "rg.large": [1, 16],
  "rg.xlarge": [1, 32],
  "rg.4xlarge": [2, 128],
  "rg.12xlarge": [2, 128],
};

const TAG = "has to be 1 to 128 letters, digits, spaces and _.:/=+-@, and not to begin with aws:";
/** What CloudWatch Logs takes as a retention, as far as anybody needs it. */
const LOG_DAYS = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731];

const isTag = (text: string): boolean => /^[A-Za-z0-9 _.:/=+@-]{1,128}$/.test(text) && !/^aws:/i.test(text);
/** S3, "General purpose bucket naming rules", as far as they have no dots. */
const isBucketName = (name: string): boolean =>
  /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/.test(name) && !/^(xn--|sthree-|amzn-s3-demo-)|(-s3alias|--ol-s3|--x-s3|--table-s3)$/.test(name);
const isCount = (value: number, least: number): boolean => Number.isSafeInteger(value) && value >= least;
const isSize = (text: string): boolean => /^[a-z][a-z0-9-]*\.[a-z0-9]+$/.test(text) && !text.startsWith("db.");
const shown = (text: string): string => JSON.stringify(text.slice(0, 40));

/** RFC 1918, and no bit of a host set: EC2 refuses or changes any other. */
function isPrivateNetwork(cidr: string): boolean {
  const [address = "", bits = ""] = cidr.split("/");
  const [a = 0, b = 0, c = 0, d = 0] = address.split(".").map(Number);
  const isPrivate = a === 10 || (a === 172 && b >= 16 && b <= 31) || (a === 192 && b === 168);
  const number = ((a * 256 + b) * 256 + c) * 256 + d;
  return isPrivate && number % 2 ** (32 - Number(bits)) === 0;
}

function isRange(text: string, widest: number, narrowest: number): boolean {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(text);
  if (match === null) return false;
  const bits = Number(match[5]);
  return match.slice(1, 5).every((part) => Number(part) <= 255) && bits >= widest && bits <= narrowest;
}
