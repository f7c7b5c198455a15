import { CfnOutput, Stack, type StackProps } from "aws-cdk-lib";
import type { Construct } from "constructs";
import type { Config } from "./config.ts";
import { GithubRoles } from "./github-roles.ts";
import { addPeople } from "./people.ts";

/** Who may do what from outside: people and tools as an IAM user, GitHub's workflows as roles without keys. */
export class AccessStack extends Stack {
  constructor(scope: Construct, id: string, props: StackProps & { config: Config }) {
    super(scope, id, props);
    addPeople(this, props.config);
    const { plan, deploy, apply } = new GithubRoles(this, "Github", props.config);
    const output = (name: string, value: string, description: string): void => {
      new CfnOutput(this, name, { value, description, exportName: `${id}-${name}` });
    };
    output("PlanRole", plan.roleArn, "The role of pull requests: plan_role in .github/environments.yml");
    output("DeployRole", deploy.roleArn, "The role of deploys: deploy_role in .github/environments.yml");
    output("ApplyRole", apply.roleArn, "The role that applies infra/: apply_role in .github/environments.yml");
  }
}
