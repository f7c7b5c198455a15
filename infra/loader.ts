import { join } from "node:path";
import { SubnetType } from "aws-cdk-lib/aws-ec2";
import { Effect, ManagedPolicy, PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { Architecture, Code, EventSourceMapping, Function as LambdaFunction, Runtime } from "aws-cdk-lib/aws-lambda";
import { StringParameter } from "aws-cdk-lib/aws-ssm";
import { Construct } from "constructs";
import { acknowledgeWildcards } from "./acknowledge.ts";
import type { Config } from "./config.ts";
import type { DataStack } from "./data-stack.ts";
import { MARKERS } from "./keys.ts";
import { LOADER_TIMEOUT } from "./load-queue.ts";
import { logGroup } from "./log-group.ts";
import { arn, bucketArn } from "./names.ts";
import type { NetworkStack } from "./network-stack.ts";
import { secretParameter } from "./warehouse.ts";

/** How many loads are under way at once: the least that a queue can be told (Lambda, "Configuring maximum concurrency for Amazon SQS event sources"). A limit of the queue's, since a new account has too little concurrency to reserve any. */
const AT_ONCE = 2;

/** The Lambda that moves each announced load to the warehouse; a placeholder until its handler is there. */
export class Loader extends Construct {
  readonly function: LambdaFunction;

  constructor(scope: Construct, id: string, { config, network, data }: { config: Config; network: NetworkStack; data: DataStack }) {
    super(scope, id);
    const functionName = `${config.prefix}-loader`;
    const logs = logGroup(this, "Logs", `/aws/lambda/${functionName}`, config);
    const warehouseSecret = data.warehouse === null ? [] : [StringParameter.valueForStringParameter(this, secretParameter(config))];
    const markers = bucketArn(this, config, "staging", `${MARKERS}*`);
    const manifests = bucketArn(this, config, "exports", "*.manifest");
    const policy = new ManagedPolicy(this, "Policy", {
      managedPolicyName: `${functionName}-policy`,
      description: "Lets the loader take markers from its queue, read them, read its passwords, and log",
      statements: [
        new PolicyStatement({
          sid: "TakeMarkers",
          actions: ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ChangeMessageVisibility"],
          resources: [data.queue.queue.queueArn],
        }),
        new PolicyStatement({ sid: "ReadMarkers", actions: ["s3:GetObject"], resources: [markers] }),
        new PolicyStatement({ sid: "WriteManifests", actions: ["s3:PutObject"], resources: [manifests] }),
        new PolicyStatement({
          sid: "ReadPasswords",
          actions: ["secretsmanager:GetSecretValue"],
          resources: [data.database.secret.secretArn, ...warehouseSecret],
        }),
        new PolicyStatement({ sid: "WriteLogs", actions: ["logs:CreateLogStream", "logs:PutLogEvents"], resources: [logs.logGroupArn] }),
        new PolicyStatement({
          sid: "BeInTheNetwork",
          // Lambda makes its interfaces with the function's role, and these calls know no resources when they are made.
          actions: ["ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DeleteNetworkInterface", "ec2:DescribeSubnets"],
          resources: ["*"],
        }),
        new PolicyStatement({
          sid: "NothingOfTheNetworkByItself",
          effect: Effect.DENY,
          actions: ["ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DeleteNetworkInterface", "ec2:DescribeSubnets"],
          resources: ["*"],
          conditions: { ArnEquals: { "lambda:SourceFunctionArn": arn(this, "lambda", `function:${functionName}`) } },
        }),
      ],
    });
    const role = new Role(this, "Role", {
      roleName: functionName,
      description: "The Lambda that moves loads from PostgreSQL to Redshift",
      assumedBy: new ServicePrincipal("lambda.amazonaws.com"),
      managedPolicies: [policy],
    });
    this.function = new LambdaFunction(this, "Function", {
      functionName,
      description: "Moves each announced load from PostgreSQL to Redshift",
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      code: Code.fromAsset(join(import.meta.dirname, "lambda", "warehouse")),
      handler: "index.handler",
      timeout: LOADER_TIMEOUT,
      memorySize: 256,
      logGroup: logs,
      // The policy above is all that it gets: CDK would add AWS's own, which is wider.
      role: role.withoutPolicyUpdates(),
      vpc: network.vpc,
      vpcSubnets: { subnetType: SubnetType.PRIVATE_ISOLATED },
      securityGroups: [network.loaderGroup],
    });
    new EventSourceMapping(this, "Markers", {
      target: this.function,
      eventSourceArn: data.queue.queue.queueArn,
      // A load may take most of the function's time, and one that fails must not fail others.
      batchSize: 1,
      reportBatchItemFailures: true,
      maxConcurrency: AT_ONCE,
    });
    acknowledgeWildcards(policy, [
      [markers, "Each load has a marker of its own."],
      [manifests, "Each export has a manifest of its own."],
      ["*", "Network interfaces have no name before they are made; the function itself is denied these calls."],
    ]);
  }
}
