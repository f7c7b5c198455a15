import {
  CancelUpdateStackCommand,
  CloudFormationClient,
  DescribeChangeSetCommand,
  DescribeStackEventsCommand,
  DescribeStacksCommand,
  ExecuteChangeSetCommand,
  GetTemplateCommand,
} from "@aws-sdk/client-cloudformation";
import { UserError } from "../errors.ts";
import type { ChangeSet, CloudFormation, StackEvent, StackState } from "../infra/cloudformation.ts";
import { type AwsSettings, clientConfig } from "./aws-client.ts";
import { explainAwsError } from "./aws-errors.ts";

/** Stacks, over @aws-sdk/client-cloudformation. Its own retries apply; what is left is a UserError or a TransientError that says what to do. */
export class CloudFormationStacks implements CloudFormation {
  readonly region: string;
  readonly #client: CloudFormationClient;

  constructor(settings: AwsSettings) {
    this.region = settings.region;
    this.#client = new CloudFormationClient(clientConfig(settings));
  }

  async describe(stack: string): Promise<StackState | null> {
    const found = await this.#call(`look at stack ${stack}`, "cloudformation:DescribeStacks", () =>
      orNull(this.#client.send(new DescribeStacksCommand({ StackName: stack }))),
    );
    const one = found?.Stacks?.[0];
    if (one === undefined) return null;
    return {
      name: one.StackName ?? stack,
      id: one.StackId ?? "",
      status: one.StackStatus ?? "",
      updated: (one.LastUpdatedTime ?? one.CreationTime ?? new Date(0)).toISOString(),
      outputs: Object.fromEntries((one.Outputs ?? []).map(({ OutputKey, OutputValue }) => [OutputKey ?? "", OutputValue ?? ""])),
      tags: Object.fromEntries((one.Tags ?? []).map(({ Key, Value }) => [Key ?? "", Value ?? ""])),
    };
  }

  async template(stack: string): Promise<string> {
    const { TemplateBody } = await this.#call(`read the template of stack ${stack}`, "cloudformation:GetTemplate", () =>
      this.#client.send(new GetTemplateCommand({ StackName: stack, TemplateStage: "Original" })),
    );
    return TemplateBody ?? "";
  }

  async events(stack: string, after: string | null): Promise<StackEvent[]> {
    const events: StackEvent[] = [];
    // CloudFormation gives the newest first.
    for (let token: string | undefined; ; ) {
      const page = await this.#call(`read the events of stack ${stack}`, "cloudformation:DescribeStackEvents", () =>
        this.#client.send(new DescribeStackEventsCommand({ StackName: stack, NextToken: token })),
      );
      for (const { EventId = "", LogicalResourceId, ResourceType, ResourceStatus, ResourceStatusReason } of page.StackEvents ?? []) {
        if (EventId === after) return events.reverse();
        const reason = ResourceStatusReason ?? null;
        events.push({ id: EventId, resource: LogicalResourceId ?? "", type: ResourceType ?? "", status: ResourceStatus ?? "", reason });
      }
      token = page.NextToken;
      if (token === undefined) return events.reverse();
    }
  }

  async changeSet(stack: string, name: string): Promise<ChangeSet | null> {
    const entries: ChangeSet["entries"][number][] = [];
    for (let token: string | undefined; ; ) {
      const page = await this.#call(`read the change set of stack ${stack}`, "cloudformation:DescribeChangeSet", () =>
        orNull(this.#client.send(new DescribeChangeSetCommand({ StackName: stack, ChangeSetName: name, NextToken: token }))),
      );
      if (page === null || page.Status === "FAILED") return null;
      for (const { ResourceChange: change } of page.Changes ?? []) {
        const { LogicalResourceId, ResourceType, Action, Replacement, PolicyAction } = change ?? {};
        entries.push({
          resource: LogicalResourceId ?? "",
          type: ResourceType ?? "",
          action: Action ?? "",
          replacement: Replacement ?? null,
          policy: PolicyAction ?? null,
        });
      }
      token = page.NextToken;
      if (token === undefined) return { id: page.ChangeSetId ?? name, entries };
    }
  }

  async execute(stack: string, changeSet: string): Promise<void> {
    await this.#call(`execute the change set of stack ${stack}`, "cloudformation:ExecuteChangeSet", () =>
      this.#client.send(new ExecuteChangeSetCommand({ StackName: stack, ChangeSetName: changeSet })),
    );
  }

  async cancelUpdate(stack: string): Promise<void> {
    await this.#call(`cancel the update of stack ${stack}`, "cloudformation:CancelUpdateStack", () =>
      this.#client.send(new CancelUpdateStackCommand({ StackName: stack })),
    );
  }

  async #call<T>(doing: string, permission: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof Error && /LimitExceeded/.test(error.name)) {
        throw new UserError(`could not ${doing}: a quota of the account is used up (${error.message})`, {
          hint: "Remove what is no longer needed, or ask for more under Service Quotas. Then run this again.",
          cause: error,
        });
      }
      throw explainAwsError(error, { doing, permission });
    }
  }
}

async function orNull<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof Error && (/does not exist/.test(error.message) || /ChangeSetNotFound/.test(error.name))) return null;
    throw error;
  }
}
