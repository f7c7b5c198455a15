import {
  conversation,
  conversationRead,
  created,
  type GithubRoute,
  limited,
  notFound,
  ofConversation,
  ok,
  REPOSITORY,
} from "./github-route.ts";

const mostCharacters = { body: 65_536 };

/** Comments on issues and pull requests. */
export const commentRoutes: readonly GithubRoute[] = [
  {
    method: "GET",
    template: `${REPOSITORY}/issues/{issue_number}/comments`,
    permission: conversationRead,
    handle: ofConversation((number, { query: { since = "" } }, { state, answers }) =>
      ok(state.comments.filter((comment) => comment.number === number && comment.updatedAt >= since).map(answers.comment)),
    ),
  },
  {
    method: "POST",
    template: `${REPOSITORY}/issues/{issue_number}/comments`,
    permission: conversation,
    handle: limited(
      "IssueComment",
      mostCharacters,
      ofConversation((number, { body, login }, { state, answers, now, nextId }) => {
        const comment = { id: nextId(), number, author: login, body: String(body.body), createdAt: now(), updatedAt: now() };
        state.comments.push(comment);
        return created(answers.comment(comment));
      }),
    ),
  },
  {
    method: "GET",
    template: `${REPOSITORY}/issues/comments`,
    permission: conversationRead,
    handle({ query }, { state, answers }) {
      const all = query.direction === "desc" ? state.comments.toReversed() : state.comments;
      return ok(all.map(answers.comment));
    },
  },
  {
    method: "GET",
    template: `${REPOSITORY}/issues/comments/{comment_id}`,
    permission: conversationRead,
    handle({ params }, { state, answers }) {
      const comment = state.comments.find(({ id }) => id === Number(params.comment_id));
      return comment === undefined ? notFound : ok(answers.comment(comment));
    },
  },
  {
    method: "PATCH",
    template: `${REPOSITORY}/issues/comments/{comment_id}`,
    permission: conversation,
    handle: limited("IssueComment", mostCharacters, ({ params, body }, { state, answers, now }) => {
      const comment = state.comments.find(({ id }) => id === Number(params.comment_id));
      if (comment === undefined) return notFound;
      comment.body = String(body.body);
      comment.updatedAt = now();
      return ok(answers.comment(comment));
    }),
  },
];
