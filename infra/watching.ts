import { CfnOutput, Stack } from "aws-cdk-lib";
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
  TreatMissingData,
} from "aws-cdk-lib/aws-cloudwatch";
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import { PolicyStatement, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { Topic } from "aws-cdk-lib/aws-sns";
import { EmailSubscription } from "aws-cdk-lib/aws-sns-subscriptions";
import { Construct } from "constructs";
import { type Watched, type WatchedParts, watchedParts } from "./alarms.ts";
import type { Config } from "./config.ts";

/** Alarms that go to one topic, a dashboard of the same figures, and a budget. */
export class Watching extends Construct {
  constructor(scope: Construct, id: string, props: WatchedParts) {
    super(scope, id);
    const { config } = props;
    const topic = this.#topic(config);
    const watched = watchedParts(this, props);
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
          graph("Host", ["host-status", "host-disk", "host-memory", "scheduler-heartbeat"]),
          graph("Database", ["database-cpu", "database-storage", "database-memory", "database-connections"]),
          graph("Loads", ["dead-letters", "oldest-marker", "loader-errors"]),
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
        // Of this environment alone, once the tag is active for costs: docs/cloud.md, "Costs".
        costFilters: { TagKeyValue: [`user:environment$${prefix}`] },
      },
      notificationsWithSubscribers: [tell("ACTUAL", 80), tell("FORECASTED", 100)],
    });
    // The topic takes its warnings only once its policy stands.
    budget.node.addDependency(topic.node.findChild("Policy"));
  }
}
