import { compareCommits } from "./github-git.ts";
import { type GithubRoute, notFound, ok, REPOSITORY } from "./github-route.ts";

/** The repository, its pull requests and its commits. */
export const pullRoutes: readonly GithubRoute[] = [
  { method: "GET", template: REPOSITORY, permission: "metadata=read", handle: (_, { answers }) => ok(answers.repository()) },
  {
    method: "GET",
    template: `${REPOSITORY}/pulls`,
    permission: "pull_requests=read",
    handle({ query }, { state, answers }) {
      const { state: wanted = "open", head, base, direction = "desc" } = query;
      const found = [...state.pullRequests.values()]
        .filter((pull) => wanted === "all" || pull.state === wanted)
        .filter((pull) => head === undefined || `${pull.head.repository?.split("/")[0]}:${pull.head.ref}` === head)
        .filter((pull) => base === undefined || pull.base.ref === base)
        .sort((one, other) => (direction === "asc" ? one.number - other.number : other.number - one.number));
      return ok(found.map(answers.pullInList));
    },
  },
  {
    method: "GET",
    template: `${REPOSITORY}/pulls/{pull_number}`,
    permission: "pull_requests=read",
    handle({ params }, { state, answers }) {
      const pull = state.pullRequests.get(Number(params.pull_number));
      return pull === undefined ? notFound : ok(answers.pull(pull));
    },
  },
  {
    method: "GET",
    template: `${REPOSITORY}/pulls/{pull_number}/files`,
    permission: "pull_requests=read",
    handle({ params }, { state, answers }) {
      const pull = state.pullRequests.get(Number(params.pull_number));
      return pull === undefined ? notFound : ok(pull.files.slice(0, 3000).map(answers.file));
    },
  },
  {
    method: "GET",
    template: `${REPOSITORY}/commits/{commit_sha}/pulls`,
    permission: "pull_requests=read",
    handle({ params }, { state, answers }) {
      const sha = params.commit_sha;
      const found = [...state.pullRequests.values()].filter((pull) => pull.mergeCommit === sha || pull.head.sha === sha);
      return ok(found.map(answers.pullInList));
    },
  },
  {
    method: "GET",
    template: `${REPOSITORY}/compare/{basehead}`,
    permission: "contents=read",
    async handle({ params }, { answers, git }) {
      const [base = "", head = ""] = (params.basehead ?? "").split("...");
      const same = { status: "identical", ahead: 0, behind: 0, base, mergeBase: base };
      const compared = git !== undefined ? await compareCommits(git, base, head) : base === head ? same : undefined;
      return compared === undefined ? notFound : ok(answers.comparison(compared));
    },
  },
];
