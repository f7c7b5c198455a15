import type { Resource, Synthesized, TemplateJson } from "./synth.ts";

/**
 * As much of IAM as these templates need: allow and deny, wildcards in actions and resources, and the conditions that occur.
 * An unknown condition operator is an error, so that a policy that uses one is not taken for narrower or wider than it is.
 */
export class Iam {
  static readonly account = "123456789012";
  readonly #json: Synthesized["json"];

  constructor(json: Synthesized["json"]) {
    this.#json = json;
  }

  /** Whether a role, or a group's members, may do an action. */
  may(name: string, action: string, resource: string, context: Readonly<Record<string, string>> = {}): boolean {
    const matching = this.statementsOf(name).filter((statement) => this.#matches(statement, action, resource, context));
    return matching.length > 0 && matching.every(({ Effect }) => Effect === "Allow");
  }

  /** Whether a principal with these claims or from this service may take a role. */
  mayAssume(name: string, principal: string, context: Readonly<Record<string, string>> = {}): boolean {
    const role = this.#find(name);
    const { Statement } = (role.resource.Properties?.AssumeRolePolicyDocument ?? { Statement: [] }) as { Statement: Statement[] };
    return Statement.some(({ Principal, Condition }) => {
      const named = Object.values(Principal ?? {})
        .flat()
        .map((value) => this.resolve(value, role.template));
      return named.includes(principal) && this.#holds(Condition, context);
    });
  }

  /** All statements that a role or a group has. */
  statementsOf(name: string): Statement[] {
    const { id, resource, template } = this.#find(name);
    const found: Statement[] = [];
    for (const policy of Object.values(template.Resources)) {
      const { PolicyDocument, Roles } = policy.Properties ?? {};
      const attached = (resource.Properties?.ManagedPolicyArns as { Ref: string }[] | undefined) ?? [];
      const isManaged = policy.Type === "AWS::IAM::ManagedPolicy" && attached.some(({ Ref }) => template.Resources[Ref] === policy);
      const isInline = policy.Type === "AWS::IAM::Policy" && (Roles as { Ref: string }[]).some(({ Ref }) => Ref === id);
      if (!isManaged && !isInline) continue;
      for (const statement of (PolicyDocument as { Statement: Statement[] }).Statement) {
        const resources = [statement.Resource].flat().map((value) => this.resolve(value, template));
        found.push({ ...statement, Resource: resources });
      }
    }
    return found;
  }

  /** A template's value as text: what would be known only after the deploy has the resource's name or id instead. */
  resolve(value: unknown, template: TemplateJson): string {
    if (typeof value === "string") return value;
    const { Ref, "Fn::Join": join, "Fn::GetAtt": get, "Fn::ImportValue": imported, "Fn::Sub": sub } = value as Record<string, never>;
    if (Ref === "AWS::AccountId") return Iam.account;
    if (sub !== undefined) return String(sub).replace(/\$\{AWS::AccountId\}/g, Iam.account);
    if (Ref !== undefined) return nameOf(Ref, template, (inner) => this.resolve(inner, template));
    if (get !== undefined) return arnOf(get[0], get[1], template, (inner) => this.resolve(inner, template));
    if (join !== undefined) return (join[1] as unknown[]).map((part) => this.resolve(part, template)).join(join[0]);
    for (const other of Object.values(this.#json)) {
      const output = Object.values(other.Outputs ?? {}).find(({ Export }) => Export?.Name === imported);
      if (output !== undefined) return this.resolve(output.Value, other);
    }
    throw new Error(`cannot resolve ${JSON.stringify(value)}`);
  }

  #matches(statement: Statement, action: string, resource: string, context: Readonly<Record<string, string>>): boolean {
    return (
      [statement.Action].flat().some((pattern) => like(pattern, action, true)) &&
      [statement.Resource].flat().some((pattern) => like(String(pattern), resource)) &&
      this.#holds(statement.Condition, context)
    );
  }

  #holds(condition: Statement["Condition"], context: Readonly<Record<string, string>>): boolean {
    return Object.entries(condition ?? {}).every(([operator, keys]) =>
      Object.entries(keys).every(([key, values]) => {
        const given = context[key];
        const wanted = [values].flat().map((value) => this.resolve(value, this.#json.data));
        if (given === undefined) return false;
        if (operator === "StringEquals") return wanted.includes(given);
        if (operator === "StringLike" || operator === "ArnLike" || operator === "ArnEquals")
          return wanted.some((pattern) => like(pattern, given));
        throw new Error(`the condition operator ${operator} is not known here`);
      }),
    );
  }

  #find(name: string): { id: string; resource: Resource; template: TemplateJson } {
    for (const template of Object.values(this.#json)) {
      for (const [id, resource] of Object.entries(template.Resources)) {
        if (resource.Properties?.RoleName === name || resource.Properties?.GroupName === name) return { id, resource, template };
      }
    }
    throw new Error(`no role or group is named ${name}`);
  }
}

interface Statement {
  readonly Sid?: string;
  readonly Effect: "Allow" | "Deny";
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
  readonly Principal?: Readonly<Record<string, unknown>>;
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

function like(pattern: string, text: string, ignoreCase = false): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${source}$`, ignoreCase ? "is" : "s").test(text);
}

type Resolve = (value: unknown) => string;

function nameOf(id: string, template: TemplateJson, resolve: Resolve): string {
  const resource = template.Resources[id];
  if (resource?.Type === "AWS::SecretsManager::SecretTargetAttachment") return resolve(resource.Properties?.SecretId);
  if (resource?.Type === "AWS::SecretsManager::Secret") {
    return `arn:aws:secretsmanager:eu-west-2:${Iam.account}:secret:${String(resource.Properties?.Name)}-AbCdEf`;
  }
  if (resource?.Type === "AWS::IAM::OIDCProvider") return arnOf(id, "Arn", template, resolve);
  const name = ["BucketName", "LogGroupName", "FunctionName", "PolicyName"]
    .map((key) => resource?.Properties?.[key])
    .find((given) => given !== undefined);
  return name === undefined ? id : resolve(name);
}

function arnOf(id: string, attribute: string, template: TemplateJson, resolve: Resolve): string {
  const { Type = "", Properties = {} } = template.Resources[id] ?? {};
  const here = `eu-west-2:${Iam.account}`;
  if (attribute !== "Arn") return `<${id}.${attribute}>`;
  if (Type === "AWS::S3::Bucket") return `arn:aws:s3:::${resolve(Properties.BucketName)}`;
  if (Type === "AWS::SQS::Queue") return `arn:aws:sqs:${here}:${String(Properties.QueueName)}`;
  if (Type === "AWS::Logs::LogGroup") return `arn:aws:logs:${here}:log-group:${String(Properties.LogGroupName)}:*`;
  if (Type === "AWS::IAM::OIDCProvider") return `arn:aws:iam::${Iam.account}:oidc-provider/token.actions.githubusercontent.com`;
  return `<${id}.Arn>`;
}
