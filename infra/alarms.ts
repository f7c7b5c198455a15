import { Duration } from "aws-cdk-lib";
import { ComparisonOperator, Metric, TreatMissingData } from "aws-cdk-lib/aws-cloudwatch";
import { FilterPattern, type LogGroup, MetricFilter } from "aws-cdk-lib/aws-logs";
import type { Construct } from "constructs";
import type { AirflowHost } from "./airflow-host.ts";
import type { Config } from "./config.ts";
import type { DataStack } from "./data-stack.ts";
import { METRICS } from "./keys.ts";
import type { Loader } from "./loader.ts";

/** What the alarms are about. */
export interface WatchedParts {
  readonly config: Config;
  readonly data: DataStack;
  readonly host: AirflowHost;
  readonly loader: Loader;
  /** The log of Airflow's services and of the agent. */
  readonly airflowLogs: LogGroup;
}

export interface Watched {
  readonly name: string;
  /** What to do, for whoever reads the mail. */
  readonly description: string;
  readonly metric: Metric;
  readonly threshold: number;
  readonly comparison?: ComparisonOperator;
  /** Periods in a row. */
  readonly periods: number;
  /** What no data means; by default nothing is wrong. */
  readonly missing?: TreatMissingData;
}

const GB = 2 ** 30;
/** What Airflow and its tasks take is below 60; the smallest size that RDS has allows about 80 (RDS, "Quotas and constraints": memory / 9,531,392 bytes). */
const MAX_CONNECTIONS = 70;

/** What is watched, and from when on it is an alarm. */
export function watchedParts(scope: Construct, { config, data, host, loader, airflowLogs }: WatchedParts): Watched[] {
  const minutes = (count: number): { period: Duration } => ({ period: Duration.minutes(count) });
  const { instanceId } = host.instance;
  const { database } = data;
  return [
    {
      name: "host-status",
      description: "The Airflow host fails EC2's status checks. docs/cloud.md: stop and start it, or deploy to replace it.",
      metric: new Metric({
        namespace: "AWS/EC2",
        metricName: "StatusCheckFailed",
        dimensionsMap: { InstanceId: instanceId },
        statistic: "Maximum",
        ...minutes(1),
      }),
      threshold: 0,
      periods: 3,
      missing: TreatMissingData.BREACHING,
    },
    {
      name: "host-disk",
      description:
        'The Airflow host\'s disk is more than 85 % full. Old logs go first; docs/cloud.md, "The disk is full", grows it without another host.',
      // As the CloudWatch agent names it, with the file system of Ubuntu's images.
      metric: new Metric({
        namespace: METRICS,
        metricName: "disk_used_percent",
        dimensionsMap: { InstanceId: instanceId, path: "/", fstype: "ext4" },
        statistic: "Maximum",
        ...minutes(1),
      }),
      threshold: 85,
      periods: 5,
    },
    {
      name: "host-memory",
      description: "The Airflow host has used more than 90 % of its memory for ten minutes. Fewer tasks at a time, or a larger host.size.",
      metric: new Metric({
        namespace: METRICS,
        metricName: "mem_used_percent",
        dimensionsMap: { InstanceId: instanceId },
        statistic: "Average",
        ...minutes(5),
      }),
      threshold: 90,
      periods: 2,
    },
    {
      name: "host-credits",
      description:
        "The Airflow host is busier than its size is made for, and each hour of it is paid for. A larger host.size, or one that is not a t type.",
      // Of t types alone: EC2, "Monitor your CPU credits for burstable instances".
      metric: new Metric({
        namespace: "AWS/EC2",
        metricName: "CPUSurplusCreditsCharged",
        dimensionsMap: { InstanceId: instanceId },
        statistic: "Maximum",
        ...minutes(5),
      }),
      threshold: 0,
      periods: 12,
    },
    {
      name: "scheduler-heartbeat",
      description:
        "For twenty minutes nothing has shown that Airflow's scheduler and DAG processor are healthy and serve the release. dagline-status tells more.",
      metric: proofs(scope, config, airflowLogs).with({ period: Duration.minutes(10) }),
      threshold: 1,
      comparison: ComparisonOperator.LESS_THAN_THRESHOLD,
      periods: 2,
      missing: TreatMissingData.BREACHING,
    },
    {
      name: "database-storage",
      description: "PostgreSQL has less than a tenth of its first storage free. RDS grows it up to database.maxStorageGb.",
      metric: database.instance.metricFreeStorageSpace({ statistic: "Minimum", ...minutes(5) }),
      threshold: (config.database.storageGb / 10) * GB,
      comparison: ComparisonOperator.LESS_THAN_THRESHOLD,
      periods: 3,
    },
    {
      name: "database-cpu",
      description:
        "PostgreSQL has used more than 90 % of its CPU for half an hour. Database Insights says on what; database.size grows it.",
      metric: database.instance.metricCPUUtilization({ statistic: "Average", ...minutes(5) }),
      threshold: 90,
      periods: 6,
    },
    {
      name: "database-memory",
      description: "PostgreSQL has less than 200 MB of memory free. database.size grows it.",
      metric: database.instance.metricFreeableMemory({ statistic: "Minimum", ...minutes(5) }),
      threshold: 200 * 2 ** 20,
      comparison: ComparisonOperator.LESS_THAN_THRESHOLD,
      periods: 3,
    },
    {
      name: "database-connections",
      description: "PostgreSQL has many connections open; at its limit Airflow stops. Which: select * from pg_stat_activity.",
      metric: database.instance.metricDatabaseConnections({ statistic: "Maximum", ...minutes(5) }),
      threshold: MAX_CONNECTIONS,
      periods: 3,
    },
    ...(/^t/.test(config.database.size)
      ? [
          {
            name: "database-credits",
            description: "PostgreSQL is busier than its size is made for, and each hour of it is paid for. A larger database.size.",
            // RDS, "DB instance class types": t types run as unlimited.
            metric: database.instance.metric("CPUSurplusCreditsCharged", { statistic: "Maximum", ...minutes(5) }),
            threshold: 0,
            periods: 12,
          },
        ]
      : []),
    {
      name: "password-rotation",
      description: "The password of PostgreSQL could not be rotated. The log of the Lambda that ends in -rotation says why.",
      metric: new Metric({
        namespace: "AWS/Lambda",
        metricName: "Errors",
        dimensionsMap: { FunctionName: `${config.prefix}-rotation` },
        statistic: "Sum",
        ...minutes(5),
      }),
      threshold: 0,
      periods: 1,
    },
    ...clusterAlarms(data.warehouse?.cluster ?? null),
    {
      name: "oldest-marker",
      description: "A load has waited for the warehouse for more than two hours. The loader's log says why.",
      metric: data.queue.queue.metricApproximateAgeOfOldestMessage({ statistic: "Maximum", ...minutes(5) }),
      threshold: 2 * 3600,
      periods: 1,
    },
    {
      name: "dead-letters",
      description:
        "A load did not reach the warehouse. The loader's log says why; its marker waits in the dead-letter queue to be sent again.",
      metric: data.queue.dead.metricApproximateNumberOfMessagesVisible({ statistic: "Maximum", ...minutes(5) }),
      threshold: 0,
      periods: 1,
    },
    {
      name: "loader-errors",
      description: "The Lambda that moves loads to the warehouse has failed. Its log says why.",
      metric: loader.function.metricErrors({ statistic: "Sum", ...minutes(5) }),
      threshold: 0,
      periods: 1,
    },
  ];
}

/** Of a provisioned cluster; AWS looks after a serverless one by itself. */
function clusterAlarms(identifier: string | null): Watched[] {
  if (identifier === null) return [];
  const metric = (metricName: string, statistic: string): Metric =>
    new Metric({
      namespace: "AWS/Redshift",
      metricName,
      dimensionsMap: { ClusterIdentifier: identifier },
      statistic,
      period: Duration.minutes(5),
    });
  return [
    {
      name: "warehouse-health",
      description: "Redshift says that it is not healthy. The console tells what AWS does about it; loads wait meanwhile.",
      metric: metric("HealthStatus", "Minimum"),
      threshold: 1,
      comparison: ComparisonOperator.LESS_THAN_THRESHOLD,
      periods: 3,
    },
    {
      name: "warehouse-disk",
      description: "Redshift's disk is more than 85 % full. warehouse.nodes grows it.",
      metric: metric("PercentageDiskSpaceUsed", "Maximum"),
      threshold: 85,
      periods: 3,
    },
  ];
}

/** How often the agent, which its timer starts every five minutes, has proven that Airflow is healthy and serves the release. */
function proofs(scope: Construct, { prefix }: Config, logGroup: LogGroup): Metric {
  return new MetricFilter(scope, "Proofs", {
    logGroup,
    filterPattern: FilterPattern.booleanValue("$.ok", true),
    metricNamespace: METRICS,
    metricName: `${prefix}-proofs`,
    metricValue: "1",
  }).metric({ statistic: "Sum" });
}
