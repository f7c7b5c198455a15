import { Stack } from "aws-cdk-lib";
import type { Construct } from "constructs";
import type { Config } from "./config.ts";

const parts = { dags: "airflow-dags", staging: "staging-data", exports: "exports", logs: "logs" } as const;

/** A bucket's name: the configured one, or `<prefix>-<what>-<account>-<region>`, which nobody else in the world has. */
export function bucketName(scope: Construct, { prefix, buckets }: Config, which: keyof typeof parts): string {
  const { account, region } = Stack.of(scope);
  return buckets[which] ?? `${prefix}-${parts[which]}-${account}-${region}`;
}

/** The ARN of a bucket, or of the keys in it that a pattern takes. By name: a policy that refers to the bucket would tie its stack to the data's. */
export function bucketArn(scope: Construct, config: Config, which: keyof typeof parts, keys?: string): string {
  return `arn:aws:s3:::${bucketName(scope, config, which)}${keys === undefined ? "" : `/${keys}`}`;
}

/** The ARN of something in this account and region. */
export function arn(scope: Construct, service: string, resource: string): string {
  const { account, region } = Stack.of(scope);
  return `arn:aws:${service}:${region}:${account}:${resource}`;
}

/** The ARN of something that is the account's, in no region. */
export function globalArn(scope: Construct, service: string, resource: string): string {
  return `arn:aws:${service}::${Stack.of(scope).account}:${resource}`;
}
