import { Duration } from "aws-cdk-lib";
import { CfnOIDCProvider, ManagedPolicy, type PolicyStatement, Role, WebIdentityPrincipal } from "aws-cdk-lib/aws-iam";
import { Construct } from "constructs";
import { acknowledgeWildcards } from "./acknowledge.ts";
import type { Config, GithubConfig } from "./config.ts";
import { applyStatements, deployStatements, planStatements, wildcards } from "./github-statements.ts";

const ISSUER = "token.actions.githubusercontent.com";

/** Who may take a role, as GitHub's token tells it. */
interface Trusted {
  /** What the run is for: the end of the token's `sub`. */
  readonly contexts: readonly string[];
  /** Only these workflows, as they are on the branch, in jobs of this environment; null: every workflow. */
  readonly only: { readonly environment: string; readonly workflows: readonly string[] } | null;
  readonly hours: number;
}

/**
 * The roles that GitHub's workflows take by OIDC: one that reads, for pull requests and drift; one that deploys releases and leaves the cloud as it is; and
 * one that applies stacks, by which everything in the account can be had, since that is what CDK's own roles may.
 */
export class GithubRoles extends Construct {
  readonly plan: Role;
  readonly deploy: Role;
  readonly apply: Role;

  constructor(scope: Construct, id: string, config: Config) {
    super(scope, id);
    const { github, prefix } = config;
    const { branch, environment } = github;
    const provider =
      github.providerArn ?? new CfnOIDCProvider(this, "Provider", { url: `https://${ISSUER}`, clientIdList: ["sts.amazonaws.com"] }).ref;
    const role = (name: string, description: string, policy: ManagedPolicy, { contexts, only, hours }: Trusted): Role => {
      const made = new Role(this, name, {
        roleName: `${prefix}-${name.toLowerCase()}`,
        description,
        maxSessionDuration: Duration.hours(hours),
        managedPolicies: [policy],
        // All in one statement: each condition has to hold.
        assumedBy: new WebIdentityPrincipal(provider, {
          StringEquals: {
            [`${ISSUER}:aud`]: "sts.amazonaws.com",
            [`${ISSUER}:sub`]: contexts.flatMap((context) => subjects(github, context)),
            [`${ISSUER}:repository_id`]: String(github.repositoryId),
            ...(only === null ? {} : claims(github, only)),
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
      { contexts: ["pull_request", `ref:refs/heads/${branch}`], only: null, hours: 1 },
    );
    this.deploy = role(
      "Deploy",
      `GitHub: deploys of ${branch} to the environment ${environment}`,
      policy("Deploy", "Lets GitHub's deploys put releases, and give the host its commands", deployStatements(this, config)),
      {
        contexts: [`environment:${environment}`],
        only: { environment, workflows: ["deploy.yml", "rollback.yml", "backfill.yml"] },
        // A backfill is watched to its end.
        hours: 6,
      },
    );
    const infra = applyEnvironment(github);
    this.apply = role(
      "Apply",
      `GitHub: what infra/ says on ${branch}, applied in the environment ${infra}`,
      policy("Apply", "Lets GitHub's deploys apply the stacks by the roles of CDK's bootstrap", applyStatements(this, config)),
      { contexts: [`environment:${infra}`], only: { environment: infra, workflows: ["deploy.yml"] }, hours: 4 },
    );
  }
}

/** The GitHub environment whose jobs apply stacks. */
function applyEnvironment({ environment }: GithubConfig): string {
  return `${environment}-infra`;
}

/**
 * What GitHub calls a workflow's run in a token's `sub`, in both of its forms: repositories made or renamed since 15 July 2026, and those that opted in,
 * have the owner's and the repository's id after their names (docs.github.com, "Immutable subject claims").
 */
function subjects({ owner, ownerId, repository, repositoryId }: GithubConfig, context: string): string[] {
  return [`repo:${owner}/${repository}:${context}`, `repo:${owner}@${ownerId}/${repository}@${repositoryId}:${context}`];
}

/**
 * Claims of the token beside `sub`, which STS takes as conditions since January 2026 (AWS, "AWS STS supports validation of select identity provider specific
 * claims"). GitHub makes an environment that a workflow of any branch names; with the branch and the workflow in the same statement, that opens nothing.
 */
function claims({ owner, repository, branch }: GithubConfig, { environment, workflows }: NonNullable<Trusted["only"]>) {
  return {
    [`${ISSUER}:ref`]: `refs/heads/${branch}`,
    [`${ISSUER}:environment`]: environment,
    [`${ISSUER}:job_workflow_ref`]: workflows.map((file) => `${owner}/${repository}/.github/workflows/${file}@refs/heads/${branch}`),
  };
}
