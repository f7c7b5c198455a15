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
      description: "The Airflow host's disk is more than 85 % full. Old logs go first; host.volumeGb grows it.",
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
        "PostgreSQL has used more than 90 % of its CPU for half an hour. Performance Insights says on what; database.size grows it.",
      metric: database.instance.metricCPUUtilization({ statistic: "Average", ...minutes(5) }),
      threshold: 90,
      periods: 6,
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
