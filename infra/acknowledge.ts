import { Stack, Validations } from "aws-cdk-lib";
import type { IConstruct } from "constructs";

/** Says of a construct, and of what is in it, why rules of cdk-nag (AwsSolutions) do not hold there: `{ IAM5: "because …" }`. */
export function acknowledge(construct: IConstruct, reasons: Readonly<Record<string, string>>): void {
  for (const [rule, reason] of Object.entries(reasons)) {
    Validations.of(construct).acknowledge({ id: `AwsSolutions-${rule}`, reason });
  }
}

/**
 * Says why a policy's statements name resources with a wildcard: `[[resource, "because …"], …]`, each as its statement has it.
 * One that is not listed is a violation, so that a wildcard does not come in unseen.
 */
export function acknowledgeWildcards(policy: IConstruct, reasons: readonly (readonly [resource: string, reason: string])[]): void {
  const { account } = Stack.of(policy);
  for (const [resource, reason] of reasons) {
    acknowledge(policy, { [`IAM5[Resource::${resource.replaceAll(account, "<AWS::AccountId>")}]`]: reason });
  }
}
