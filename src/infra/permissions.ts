import { isObject, listOf, type Template } from "./template.ts";
import { valueText } from "./values.ts";

/** One thing that somebody is allowed, or denied. */
interface Grant {
  readonly effect: "allow" | "deny";
  /** `role InstanceRole`, or for a resource's own policy whom it lets in. */
  readonly who: string;
  readonly action: string;
  readonly on: string;
  /** Under which conditions, as JSON; empty: always. */
  readonly when: string;
}

type NameOf = (id: string) => string;

const identities: Readonly<Record<string, string>> = { "AWS::IAM::Role": "role", "AWS::IAM::User": "user", "AWS::IAM::Group": "group" };

/** Policies that hang on a resource: the property with the document, and the one that names the resource (none: itself). */
const resourcePolicies: Readonly<Record<string, { readonly document: string; readonly of: string | null }>> = {
  "AWS::S3::BucketPolicy": { document: "PolicyDocument", of: "Bucket" },
  "AWS::SQS::QueuePolicy": { document: "PolicyDocument", of: "Queues" },
  "AWS::SNS::TopicPolicy": { document: "PolicyDocument", of: "Topics" },
  "AWS::SecretsManager::ResourcePolicy": { document: "ResourcePolicy", of: "SecretId" },
  "AWS::KMS::Key": { document: "KeyPolicy", of: null },
  "AWS::EC2::VPCEndpoint": { document: "PolicyDocument", of: null },
};

/** What somebody may do after the change and might not before, in words: one line for each subject, resource and condition. */
export function widePermissions(before: Template, after: Template, nameOf: NameOf): string[] {
  const [old, next] = [grantsOf(before, nameOf), grantsOf(after, nameOf)];
  const allowed = next.filter(({ effect }) => effect === "allow").filter((grant) => !old.some((other) => covers(other, grant)));
  // What was denied to somebody who is gone is no permission.
  const subjects = new Set(next.map(({ who }) => who));
  const undenied = old
    .filter(({ effect, who }) => effect === "deny" && (subjects.has(who) || who === "anybody"))
    .filter((grant) => !next.some((other) => other.effect === "deny" && covers(other, grant)));
  return [...sentences(allowed, "may now"), ...sentences(undenied, "is no longer denied"), ...unbounded(before, after, nameOf)];
}

function grantsOf(template: Template, nameOf: NameOf): Grant[] {
  return Object.entries(template.Resources).flatMap(([id, { Type, Properties = {} }]): Grant[] => {
    const identity = identities[Type];
    if (identity !== undefined) {
      const who = `${identity} ${nameOf(id)}`;
      return [
        ...listOf(Properties.Policies).flatMap((policy) => (isObject(policy) ? statements(policy.PolicyDocument, who, null, nameOf) : [])),
        ...listOf(Properties.ManagedPolicyArns).map((arn) => always(who, `what the policy ${managedName(arn, nameOf)} allows`)),
        ...listOf(Properties.Groups).map((group) => always(who, `what the group ${valueText(group, nameOf)} may`)),
        ...statements(Properties.AssumeRolePolicyDocument, null, who, nameOf),
      ];
    }
    if (Type === "AWS::IAM::Policy" || Type === "AWS::IAM::ManagedPolicy") {
      const holders = (["Roles", "Users", "Groups"] as const).flatMap((kind) =>
        listOf(Properties[kind]).map((holder) => `${kind.slice(0, -1).toLowerCase()} ${valueText(holder, nameOf)}`),
      );
      // Nobody in this template has it: whoever is given it elsewhere.
      const subjects = holders.length > 0 ? holders : [`whoever has the policy ${nameOf(id)}`];
      return subjects.flatMap((who) => statements(Properties.PolicyDocument, who, null, nameOf));
    }
    if (Type === "AWS::Lambda::Permission") {
      const when = ["SourceArn", "SourceAccount"].flatMap((name) =>
        Properties[name] === undefined ? [] : [[name, valueText(Properties[name], nameOf)]],
      );
      return [
        {
          effect: "allow",
          who: principalText(Properties.Principal, nameOf),
          action: valueText(Properties.Action ?? "lambda:InvokeFunction", nameOf),
          on: valueText(Properties.FunctionName, nameOf),
          when: when.length === 0 ? "" : when.map((pair) => pair.join(" ")).join(", "),
        },
      ];
    }
    const policy = resourcePolicies[Type];
    if (policy === undefined) return [];
    const resource = policy.of === null ? nameOf(id) : valueText(Properties[policy.of], nameOf);
    return statements(Properties[policy.document], null, resource, nameOf);
  });
}

/** `who` null: the statement names its principals. `on` null: it names its resources. */
function statements(document: unknown, who: string | null, on: string | null, nameOf: NameOf): Grant[] {
  if (!isObject(document)) return [];
  return listOf(document.Statement).flatMap((statement): Grant[] => {
    if (!isObject(statement)) return [];
    const effect = statement.Effect === "Deny" ? "deny" : "allow";
    const whom = who === null ? principals(statement, nameOf) : [who];
    const actions =
      statement.NotAction === undefined
        ? texts(statement.Action, nameOf)
        : [`anything but ${texts(statement.NotAction, nameOf).join(", ")}`];
    const named =
      statement.NotResource === undefined
        ? texts(statement.Resource, nameOf)
        : [`all but ${texts(statement.NotResource, nameOf).join(", ")}`];
    const resources = named.length > 0 ? named : [on ?? "*"];
    const when = isObject(statement.Condition) ? conditionText(statement.Condition, nameOf) : "";
    return whom.flatMap((one) =>
      actions.flatMap((action) => resources.map((resource) => ({ effect, who: one, action, on: resource, when }))),
    );
  });
}

function principals(statement: Readonly<Record<string, unknown>>, nameOf: NameOf): string[] {
  if (statement.NotPrincipal !== undefined) return [`anybody but ${principalText(statement.NotPrincipal, nameOf)}`];
  const { Principal } = statement;
  if (!isObject(Principal)) return [principalText(Principal, nameOf)];
  return Object.values(Principal).flatMap((some) => listOf(some).map((one) => principalText(one, nameOf)));
}

function principalText(principal: unknown, nameOf: NameOf): string {
  const text = isObject(principal) && "AWS" in principal ? valueText(principal.AWS, nameOf) : valueText(principal, nameOf);
  return text === "*" ? "anybody" : text;
}

function conditionText(condition: Readonly<Record<string, unknown>>, nameOf: NameOf): string {
  return Object.entries(condition)
    .flatMap(([operator, tests]) =>
      isObject(tests) ? Object.entries(tests).map(([key, value]) => `${key} ${operator} ${valueText(value, nameOf)}`) : [],
    )
    .sort()
    .join(" and ");
}

function texts(value: unknown, nameOf: NameOf): string[] {
  return listOf(value).map((one) => valueText(one, nameOf));
}

function always(who: string, action: string): Grant {
  return { effect: "allow", who, action, on: "", when: "" };
}

function managedName(arn: unknown, nameOf: NameOf): string {
  return valueText(arn, nameOf).replace(/^.*:policy\/(?:service-role\/)?/, "");
}

function covers(old: Grant, grant: Grant): boolean {
  return (
    old.effect === grant.effect &&
    (old.who === grant.who || old.who === "anybody") &&
    (old.when === "" || old.when === grant.when) &&
    matches(old.action.toLowerCase(), grant.action.toLowerCase()) &&
    matches(old.on, grant.on)
  );
}

/** Whether a pattern with `*` and `?` matches all that another one does. A star stands for a star, too. */
function matches(pattern: string, text: string): boolean {
  if (pattern === text || pattern === "*") return true;
  const parts = pattern.split("*").map((part) => part.replace(/[.+^${}()|[\]\\]/g, "\\$&").replaceAll("?", "[^*]"));
  return new RegExp(`^${parts.join(".*")}$`, "s").test(text);
}

function sentences(grants: readonly Grant[], verb: string): string[] {
  const actions = new Map<string, { first: Grant; actions: Set<string> }>();
  for (const grant of grants) {
    const key = JSON.stringify([grant.who, grant.on, grant.when]);
    const entry = actions.get(key) ?? { first: grant, actions: new Set<string>() };
    entry.actions.add(grant.action);
    actions.set(key, entry);
  }
  return [...actions.values()]
    .map(({ first, actions: all }) => {
      const on = first.on === "" ? "" : ` on ${first.on === "*" ? "* (everything)" : first.on}`;
      return `${first.who} ${verb} ${[...all].sort().join(", ")}${on}${first.when === "" ? "" : `, if ${first.when}`}`;
    })
    .sort();
}

function unbounded(before: Template, after: Template, nameOf: NameOf): string[] {
  return Object.entries(after.Resources).flatMap(([id, { Type, Properties }]) => {
    const identity = identities[Type];
    const had = before.Resources[id]?.Properties?.PermissionsBoundary;
    return identity === undefined || had === undefined || Properties?.PermissionsBoundary !== undefined
      ? []
      : [`${identity} ${nameOf(id)} loses its permissions boundary`];
  });
}
