import { Duration, Stack } from "aws-cdk-lib";
import { PolicyStatement, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { type Bucket, CfnBucket } from "aws-cdk-lib/aws-s3";
import { Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import type { Config } from "./config.ts";
import { MARKERS } from "./keys.ts";
import { retained } from "./retained.ts";

/**
 * How long the Lambda may take over a load: the most that there is (Lambda, "Configure Lambda function timeout"). The queue hides a message six times as
 * long, as AWS advises (Lambda, "Creating and configuring an Amazon SQS event source mapping").
 */
export const LOADER_TIMEOUT = Duration.minutes(15);
/** After so many tries a marker goes to the dead-letter queue. */
const ATTEMPTS = 5;

/** The queue of markers on their way to the Lambda, and the one of those that did not get through. */
export class LoadQueue extends Construct {
  readonly queue: Queue;
  readonly dead: Queue;

  constructor(scope: Construct, id: string, config: Config) {
    super(scope, id);
    const shared = {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
      removalPolicy: retained(config),
    };
    this.dead = new Queue(this, "Dead", { ...shared, queueName: `${config.prefix}-loads-dead` });
    this.queue = new Queue(this, "Queue", {
      ...shared,
      queueName: `${config.prefix}-loads`,
      visibilityTimeout: Duration.seconds(LOADER_TIMEOUT.toSeconds() * 6),
      deadLetterQueue: { queue: this.dead, maxReceiveCount: ATTEMPTS },
    });
  }

  /** Has the bucket announce each marker to the queue. `name`: the bucket's, since the queue has to let it before it exists. */
  announceMarkers(bucket: Bucket, name: string): void {
    const added = this.queue.addToResourcePolicy(
      new PolicyStatement({
        sid: "MarkersFromTheStagingBucket",
        principals: [new ServicePrincipal("s3.amazonaws.com")],
        actions: ["sqs:SendMessage"],
        resources: [this.queue.queueArn],
        conditions: {
          ArnEquals: { "aws:SourceArn": `arn:aws:s3:::${name}` },
          StringEquals: { "aws:SourceAccount": Stack.of(this).account },
        },
      }),
    );
    const resource = bucket.node.defaultChild;
    if (!(resource instanceof CfnBucket)) throw new Error("a bucket without its CloudFormation resource");
    // As the bucket's own property: CDK's addEventNotification would take a custom resource with a Lambda of its own.
    resource.notificationConfiguration = {
      queueConfigurations: [
        {
          event: "s3:ObjectCreated:*",
          queue: this.queue.queueArn,
          filter: {
            s3Key: {
              rules: [
                { name: "prefix", value: MARKERS },
                { name: "suffix", value: ".csv" },
              ],
            },
          },
        },
      ],
    };
    if (added.policyDependable !== undefined) resource.node.addDependency(added.policyDependable);
  }
}
