import { CfnOutput, Duration, Stack } from "aws-cdk-lib";
import { CfnBudget } from "aws-cdk-lib/aws-budgets";
import {
  Alarm,
  AlarmStatusWidget,
  ComparisonOperator,
  Dashboard,
  GraphWidget,
  type IAlarm,
  type IMetric,
  LogQueryWidget,
  Metric,
  TreatMissingData,
} from "aws-cdk-lib/aws-cloudwatch";
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import { PolicyStatement, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { Topic } from "aws-cdk-lib/aws-sns";
import { EmailSubscription } from "aws-cdk-lib/aws-sns-subscriptions";
import { Construct } from "constructs";
import type { AirflowHost } from "./airflow-host.ts";
import type { Config } from "./config.ts";
import type { DataStack } from "./data-stack.ts";
import type { Loader } from "./loader.ts";

interface WatchingProps {
  readonly config: Config;
  readonly data: DataStack;
  readonly host: AirflowHost;
  readonly loader: Loader;
}

interface Watched {
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

/** Alarms that go to one topic, a dashboard of the same figures, and a budget. */
export class Watching extends Construct {
  constructor(scope: Construct, id: string, props: WatchingProps) {
    super(scope, id);
    const { config } = props;
    const topic = this.#topic(config);
    const watched = everything(props);
    const alarms = watched.map(({ name, description, metric, threshold, comparison, periods, missing }) => {
      const alarm = new Alarm(this, name, {
        alarmName: `${config.prefix}-${name}`,
        alarmDescription: description,
        metric,
        threshold,
        comparisonOperator: comparison ?? ComparisonOperator.GREATER_THAN_THRESHOLD,
        evaluationPeriods: periods,
        treatMissingData: missing ?? TreatMissingData.NOT_BREACHING,
      });
      alarm.addAlarmAction(new SnsAction(topic));
      alarm.addOkAction(new SnsAction(topic));
      return alarm;
    });
    this.#dashboard(config, alarms, watched);
    this.#budget(config, topic);
    new CfnOutput(Stack.of(this), "AlarmTopic", {
      value: topic.topicArn,
      description: "Alarms and the budget's warnings go here",
      exportName: `${Stack.of(this).stackName}-AlarmTopic`,
    });
  }

  #topic({ prefix, watching }: Config): Topic {
    const topic = new Topic(this, "Topic", { topicName: `${prefix}-alarms`, displayName: prefix, enforceSSL: true });
    for (const service of ["cloudwatch", "budgets"]) {
      topic.addToResourcePolicy(
        new PolicyStatement({
          sid: `From-${service}`.replace("-", ""),
          principals: [new ServicePrincipal(`${service}.amazonaws.com`)],
          actions: ["sns:Publish"],
          resources: [topic.topicArn],
          conditions: { StringEquals: { "aws:SourceAccount": Stack.of(this).account } },
        }),
      );
    }
    if (watching.email !== null) topic.addSubscription(new EmailSubscription(watching.email));
    return topic;
  }

  #dashboard({ prefix }: Config, alarms: readonly IAlarm[], watched: readonly Watched[]): void {
    const graph = (title: string, names: readonly string[]): GraphWidget => {
      const left: IMetric[] = watched.filter(({ name }) => names.includes(name)).map(({ metric }) => metric);
      return new GraphWidget({ title, left, width: 8, height: 6 });
    };
    new Dashboard(this, "Dashboard", {
      dashboardName: prefix,
      widgets: [
        [new AlarmStatusWidget({ title: "Alarms", alarms: [...alarms], width: 24, height: 3 })],
        [
          graph("Host", ["host-status", "host-disk", "scheduler-heartbeat"]),
          graph("Database", ["database-cpu", "database-storage"]),
          graph("Loads", ["dead-letters", "loader-errors"]),
        ],
        [
          new LogQueryWidget({
            title: "The host's last errors",
            logGroupNames: [`/${prefix}/airflow`],
            queryLines: ["fields @timestamp, @message", "filter @message like /ERROR/", "sort @timestamp desc", "limit 20"],
            width: 24,
            height: 6,
          }),
        ],
      ],
    });
  }

  #budget({ prefix, watching }: Config, topic: Topic): void {
    const tell = (notificationType: string, threshold: number): CfnBudget.NotificationWithSubscribersProperty => ({
      notification: { notificationType, comparisonOperator: "GREATER_THAN", threshold, thresholdType: "PERCENTAGE" },
      subscribers: [{ subscriptionType: "SNS", address: topic.topicArn }],
    });
    const budget = new CfnBudget(this, "Budget", {
      budget: {
        budgetName: prefix,
        budgetType: "COST",
        timeUnit: "MONTHLY",
        budgetLimit: { amount: watching.monthlyBudgetUsd, unit: "USD" },
      },
      notificationsWithSubscribers: [tell("ACTUAL", 80), tell("FORECASTED", 100)],
    });
    // The topic takes its warnings only once its policy stands.
    budget.node.addDependency(topic.node.findChild("Policy"));
  }
}

const GB = 2 ** 30;

function everything({ config, data, host, loader }: WatchingProps): Watched[] {
  const minutes = (count: number): { period: Duration } => ({ period: Duration.minutes(count) });
  /** What the host's timer puts each minute. */
  const ofHost = (metricName: string, statistic: string): Metric =>
    new Metric({ namespace: config.prefix, metricName, dimensionsMap: { Host: config.host.name }, statistic, ...minutes(1) });
  const { database } = data;
  return [
    {
      name: "host-status",
      description: "The Airflow host fails EC2's status checks. docs/cloud.md: stop and start it, or deploy to replace it.",
      metric: new Metric({
        namespace: "AWS/EC2",
        metricName: "StatusCheckFailed",
        dimensionsMap: { InstanceId: host.instance.instanceId },
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
      metric: ofHost("DiskUsedPercent", "Maximum"),
      threshold: 85,
      periods: 5,
    },
    {
      name: "scheduler-heartbeat",
      description: "Airflow's scheduler has not been healthy for ten minutes, or its host is silent. dagline-status tells more.",
      metric: ofHost("SchedulerHealthy", "Minimum"),
      threshold: 1,
      comparison: ComparisonOperator.LESS_THAN_THRESHOLD,
      periods: 10,
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
