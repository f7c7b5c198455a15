import { commitOf } from "./github-git.ts";
import { created, type GithubRoute, invalid, limited, notFound, ok, REPOSITORY } from "./github-route.ts";
import type { DeploymentState } from "./github-state.ts";

/** Deployments and their statuses. */
export const deploymentRoutes: readonly GithubRoute[] = [
  {
    method: "GET",
    template: `${REPOSITORY}/deployments`,
    permission: "deployments=read",
    handle({ query }, { state, answers }) {
      const fits = (deployment: DeploymentState): boolean =>
        (["ref", "sha", "environment"] as const).every((name) => query[name] === undefined || query[name] === deployment[name]);
      return ok(state.deployments.filter(fits).toReversed().map(answers.deployment));
    },
  },
  {
    method: "POST",
    template: `${REPOSITORY}/deployments`,
    permission: "deployments=write",
    async handle({ body, login }, { state, answers, git, now, nextId }) {
      const ref = String(body.ref);
      const sha = git === undefined ? "a".repeat(40) : await commitOf(git, ref).catch(() => undefined);
      if (sha === undefined) return invalid("Deployment", "ref", `No ref found for: ${ref}`);
      const deployment: DeploymentState = {
        id: nextId(),
        ref,
        sha,
        environment: String(body.environment ?? "production"),
        description: typeof body.description === "string" ? body.description : null,
        payload: body.payload ?? "",
        creator: login,
        createdAt: now(),
        statuses: [],
      };
      state.deployments.push(deployment);
      return created(answers.deployment(deployment));
    },
  },
  {
    method: "GET",
    template: `${REPOSITORY}/deployments/{deployment_id}/statuses`,
    permission: "deployments=read",
    handle({ params }, { state, answers }) {
      const deployment = state.deployments.find(({ id }) => id === Number(params.deployment_id));
      return deployment === undefined ? notFound : ok(deployment.statuses.map((status) => answers.status(status, deployment)));
    },
  },
  {
    method: "POST",
    template: `${REPOSITORY}/deployments/{deployment_id}/statuses`,
    permission: "deployments=write",
    handle: limited("DeploymentStatus", { description: 140 }, ({ params, body }, { state, answers, now, nextId }) => {
      const deployment = state.deployments.find(({ id }) => id === Number(params.deployment_id));
      if (deployment === undefined) return notFound;
      const status = {
        id: nextId(),
        state: String(body.state),
        description: String(body.description ?? ""),
        environmentUrl: String(body.environment_url ?? ""),
        logUrl: String(body.log_url ?? body.target_url ?? ""),
        createdAt: now(),
      };
      deployment.statuses.unshift(status);
      return created(answers.status(status, deployment));
    }),
  },
];
