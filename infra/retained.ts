import { RemovalPolicy } from "aws-cdk-lib";
import type { Config } from "./config.ts";

/**
 * What becomes of data when its stack lets go of it. It stays, but for the roll-back of its creation: what that left behind would have the name that the
 * next try needs (CloudFormation, "DeletionPolicy attribute": RetainExceptOnCreate).
 */
export function retained({ keepData }: Config): RemovalPolicy {
  return keepData ? RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE : RemovalPolicy.DESTROY;
}
