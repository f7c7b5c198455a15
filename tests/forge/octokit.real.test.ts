import { test } from "uvu";
import * as assert from "uvu/assert";
import { startGithub } from "../../local/github.ts";

test("the client goes where the runner says GitHub's API is, and leaves a second between two writes", async () => {
  const github = await startGithub({
    repository: "acme/data",
    tokens: { right: {} },
    pullRequests: [{ number: 3, head: { ref: "topic", sha: "b".repeat(40), repository: "acme/data" } }],
  });
  try {
    // The toolkit reads it when it is imported.
    process.env.GITHUB_API_URL = github.url;
    const { createOctokit } = await import("../../actions/octokit.ts");
    const octokit = createOctokit("right");
    const started = performance.now();
    for (const label of ["one", "two"]) {
      await octokit.request("POST /repos/acme/data/issues/3/labels", { labels: [label] });
    }
    assert.ok(performance.now() - started > 900);
    assert.equal(github.state.pullRequests.get(3)?.labels, ["one", "two"]);
  } finally {
    await github.stop();
  }
});

test("the client repeats nothing by itself", async () => {
  const { createOctokit } = await import("../../actions/octokit.ts");
  const { secondaryRateLimit } = await import("../../local/github-faults.ts");
  const github = await startGithub({ repository: "acme/data", tokens: { right: {} } });
  try {
    github.fail({ method: "GET", path: "/repos", answer: secondaryRateLimit(1) });
    github.fail({ method: "GET", path: "/repos", answer: { status: 502 } });
    const octokit = createOctokit("right", { baseUrl: github.url });
    for (const status of [403, 502]) {
      const error = await octokit.request("GET /repos/acme/data").then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      assert.is((error as { status: number }).status, status);
    }
    assert.is(github.requests.length, 2);
  } finally {
    await github.stop();
  }
});

test.run();
