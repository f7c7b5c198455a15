import { UserError } from "../../src/errors.ts";
import { readEnvironments } from "../environments.ts";
import type { InputSpec, InputsOf } from "../inputs.ts";
import type { Services } from "../services.ts";

export const inputs = {
  environment: { kind: "text", default: "production" },
  "required-role": { kind: "choice", choices: ["none", "plan", "deploy", "apply"], default: "none" },
  "working-directory": { kind: "text", default: "." },
} as const satisfies InputSpec;

/** Hands the region and the roles of an environment on: a job's `if` and the step that assumes a role can't read a file. */
export async function run(given: InputsOf<typeof inputs>, services: Services): Promise<void> {
  const { region, plan_role: plan, deploy_role: deploy, apply_role: apply } = readEnvironments(services.root, given.environment);
  const wanted = given["required-role"];
  if (wanted !== "none" && { plan, deploy, apply }[wanted] === null) {
    throw new UserError(`.github/environments.yml: ${given.environment} has no ${wanted}_role`, {
      hint: "Write the role's ARN there: docs/actions.md tells how it is made.",
    });
  }
  services.log.info(
    `${given.environment} is in ${region}; ${roleText("plan", plan)}, ${roleText("deploy", deploy)}, ${roleText("apply", apply)}`,
  );
  services.output("region", region);
  services.output("plan-role", plan ?? "");
  services.output("deploy-role", deploy ?? "");
  services.output("apply-role", apply ?? "");
}

function roleText(name: string, arn: string | null): string {
  return arn === null ? `no ${name} role` : `${name} role ${arn}`;
}
