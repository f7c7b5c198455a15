import { Duration } from "aws-cdk-lib";
import { CfnOIDCProvider, ManagedPolicy, type PolicyStatement, Role, WebIdentityPrincipal } from "aws-cdk-lib/aws-iam";
import { Construct } from "constructs";
import { acknowledgeWildcards } from "./acknowledge.ts";
import type { Config, GithubConfig } from "./config.ts";
import { deployStatements, planStatements, wildcards } from "./github-statements.ts";

const ISSUER = "token.actions.githubusercontent.com";

/** The roles that GitHub's workflows take by OIDC: one that reads, for pull requests and drift, and one that deploys. */
export class GithubRoles extends Construct {
  readonly plan: Role;
  readonly deploy: Role;

  constructor(scope: Construct, id: string, config: Config) {
    super(scope, id);
    const { github, prefix } = config;
    const branch = `ref:refs/heads/${github.branch}`;
    const provider =
      github.providerArn ?? new CfnOIDCProvider(this, "Provider", { url: `https://${ISSUER}`, clientIdList: ["sts.amazonaws.com"] }).ref;
    const role = (name: string, description: string, policy: ManagedPolicy, contexts: readonly string[], hours = 1): Role => {
      const made = new Role(this, name, {
        roleName: `${prefix}-${name.toLowerCase()}`,
        description,
        maxSessionDuration: Duration.hours(hours),
        managedPolicies: [policy],
        assumedBy: new WebIdentityPrincipal(provider, {
          StringEquals: {
            [`${ISSUER}:aud`]: "sts.amazonaws.com",
            [`${ISSUER}:sub`]: contexts.flatMap((context) => subjects(github, context)),
          },
        }),
      });
      acknowledgeWildcards(policy, wildcards(this, config));
      return made;
    };
    const policy = (name: string, description: string, statements: PolicyStatement[]): ManagedPolicy =>
      new ManagedPolicy(this, `${name}Policy`, { managedPolicyName: `${prefix}-${name.toLowerCase()}-policy`, description, statements });
    this.plan = role(
      "Plan",
      "GitHub: pull requests, which it shows what a merge would change, and the search for drift. It reads.",
      policy(
        "Plan",
        "Lets GitHub's pull requests read releases, stacks and the host's status. Nothing can be changed with it.",
        planStatements(this, config),
      ),
      ["pull_request", branch],
    );
    this.deploy = role(
      "Deploy",
      `GitHub: deploys of ${github.branch} and of the environment ${github.environment}`,
      policy(
        "Deploy",
        "Lets GitHub's deploys apply the stacks, put releases, and give the host its commands",
        deployStatements(this, config),
      ),
      [branch, `environment:${github.environment}`],
      // A backfill is watched to its end.
      6,
    );
  }
}

/**
 * What GitHub calls a workflow's run in a token's `sub`, in both of its forms: repositories made or renamed since 15 July 2026, and those that opted in,
 * have the owner's and the repository's id after their names (docs.github.com, "Immutable subject claims").
 */
function subjects({ owner, ownerId, repository, repositoryId }: GithubConfig, context: string): string[] {
  return [`repo:${owner}/${repository}:${context}`, `repo:${owner}@${ownerId}/${repository}@${repositoryId}:${context}`];
}
