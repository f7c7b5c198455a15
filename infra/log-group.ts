import { RemovalPolicy } from "aws-cdk-lib";
import { LogGroup, type RetentionDays } from "aws-cdk-lib/aws-logs";
import type { Construct } from "constructs";
import type { Config } from "./config.ts";

/** A log group that keeps its lines for the configured days; it goes with its stack, for a name can be made only once. */
export function logGroup(scope: Construct, id: string, logGroupName: string, { watching }: Config): LogGroup {
  const retention: RetentionDays = watching.logDays;
  return new LogGroup(scope, id, { logGroupName, retention, removalPolicy: RemovalPolicy.DESTROY });
}
