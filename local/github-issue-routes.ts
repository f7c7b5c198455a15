import {
  conversation,
  conversationRead,
  created,
  type GithubRoute,
  limited,
  namesOf,
  notFound,
  ofConversation,
  ok,
  REPOSITORY,
} from "./github-route.ts";
import type { IssueState } from "./github-state.ts";

const mostCharacters = { title: 256, body: 65_536 };

/** Issues, and the labels of issues and pull requests. */
export const issueRoutes: readonly GithubRoute[] = [
  {
    method: "GET",
    template: `${REPOSITORY}/issues`,
    permission: "issues=read",
    handle({ query }, { state, answers }) {
      const { state: wanted = "open", labels, creator, direction = "desc" } = query;
      const fits = (each: { state: string; labels: string[]; author: string }): boolean =>
        (wanted === "all" || each.state === wanted) &&
        (labels === undefined || labels.split(",").every((label) => each.labels.includes(label))) &&
        (creator === undefined || each.author === creator);
      const issues = [...state.issues.values()].filter(fits).map((issue) => ({ number: issue.number, body: answers.issue(issue) }));
      const pulls = [...state.pullRequests.values()].filter(fits).map((pull) => ({ number: pull.number, body: answers.pullAsIssue(pull) }));
      const sorted = [...issues, ...pulls].sort((one, other) =>
        direction === "asc" ? one.number - other.number : other.number - one.number,
      );
      return ok(sorted.map(({ body }) => body));
    },
  },
  {
    method: "POST",
    template: `${REPOSITORY}/issues`,
    permission: "issues=write",
    handle: limited("Issue", mostCharacters, ({ body, login }, { state, answers, now, nextId }) => {
      const issue: IssueState = {
        id: nextId(),
        number: 1 + Math.max(0, ...state.issues.keys(), ...state.pullRequests.keys()),
        title: String(body.title),
        body: typeof body.body === "string" ? body.body : null,
        author: login,
        labels: namesOf(body.labels),
        state: "open",
        stateReason: null,
        createdAt: now(),
        updatedAt: now(),
      };
      state.issues.set(issue.number, issue);
      return created(answers.issue(issue));
    }),
  },
  {
    method: "GET",
    template: `${REPOSITORY}/issues/{issue_number}`,
    permission: conversationRead,
    handle({ params }, { state, answers }) {
      const number = Number(params.issue_number);
      const issue = state.issues.get(number);
      const pull = state.pullRequests.get(number);
      if (issue !== undefined) return ok(answers.issue(issue));
      return pull === undefined ? notFound : ok(answers.pullAsIssue(pull));
    },
  },
  {
    method: "PATCH",
    template: `${REPOSITORY}/issues/{issue_number}`,
    permission: conversation,
    handle: limited("Issue", mostCharacters, ({ params, body }, { state, answers, now }) => {
      const issue = state.issues.get(Number(params.issue_number));
      if (issue === undefined) return notFound;
      if (body.title !== undefined) issue.title = String(body.title);
      if (body.body !== undefined) issue.body = body.body === null ? null : String(body.body);
      if (body.labels !== undefined) issue.labels = namesOf(body.labels);
      if (body.state === "open" || body.state === "closed") issue.state = body.state;
      if (body.state_reason !== undefined) issue.stateReason = body.state_reason === null ? null : String(body.state_reason);
      issue.updatedAt = now();
      return ok(answers.issue(issue));
    }),
  },
  {
    method: "POST",
    template: `${REPOSITORY}/issues/{issue_number}/labels`,
    permission: conversation,
    handle({ params, body, login }, { state, answers, now, nextId }) {
      const number = Number(params.issue_number);
      const labelled = state.pullRequests.get(number) ?? state.issues.get(number);
      if (labelled === undefined) return notFound;
      for (const label of namesOf(body.labels)) {
        if (labelled.labels.includes(label)) continue;
        labelled.labels.push(label);
        state.labelEvents.push({ id: nextId(), number, event: "labeled", label, by: login, at: now() });
      }
      return ok(labelled.labels.map(answers.label));
    },
  },
  {
    method: "DELETE",
    template: `${REPOSITORY}/issues/{issue_number}/labels/{name}`,
    permission: conversation,
    handle({ params, login }, { state, answers, now, nextId }) {
      const number = Number(params.issue_number);
      const labelled = state.pullRequests.get(number) ?? state.issues.get(number);
      const label = params.name ?? "";
      if (labelled === undefined || !labelled.labels.includes(label)) return notFound;
      labelled.labels = labelled.labels.filter((each) => each !== label);
      state.labelEvents.push({ id: nextId(), number, event: "unlabeled", label, by: login, at: now() });
      return ok(labelled.labels.map(answers.label));
    },
  },
  ...["events", "timeline"].map(
    (list): GithubRoute => ({
      method: "GET",
      template: `${REPOSITORY}/issues/{issue_number}/${list}`,
      permission: conversationRead,
      handle: ofConversation((number, _request, { state, answers }) =>
        ok(state.labelEvents.filter((event) => event.number === number).map(answers.labelEvent)),
      ),
    }),
  ),
];
