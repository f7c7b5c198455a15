import { test } from "uvu";
import * as assert from "uvu/assert";
import { formatProblems } from "../../src/scrape/format-problems.ts";
import type { Problem } from "../../src/scrape/model.ts";

const problem: Problem = {
  file: "scrapes/a/a.yml",
  line: 3,
  column: 5,
  severity: "error",
  code: "unknown-key",
  message: "`pol` is not a key",
  hint: "Did you mean `pool`?",
};

test("text: a line that editors can jump to, and the hint below it", () => {
  assert.is(
    formatProblems([problem, { ...problem, hint: "", severity: "warning" }], "text"),
    [
      "scrapes/a/a.yml:3:5 error unknown-key `pol` is not a key\n  Did you mean `pool`?\n",
      "scrapes/a/a.yml:3:5 warning unknown-key `pol` is not a key\n",
    ].join(""),
  );
  assert.is(formatProblems([], "text"), "");
});

test("json: one document with every problem", () => {
  assert.equal(JSON.parse(formatProblems([problem], "json")), { problems: [problem] });
  assert.is(formatProblems([], "json"), '{"problems":[]}\n');
});

test("github: an annotation, in which no text of a user can become another command", () => {
  assert.is(
    formatProblems([problem], "github"),
    "::error file=scrapes/a/a.yml,line=3,col=5,title=unknown-key::`pol` is not a key%0ADid you mean `pool`?\n",
  );
  const hostile = { ...problem, file: "a,b:c%\n.yml", message: "x\r\n::set-env name=A::b%0A", hint: "" };
  assert.is(
    formatProblems([hostile], "github"),
    "::error file=a%2Cb%3Ac%25%0A.yml,line=3,col=5,title=unknown-key::x%0D%0A::set-env name=A::b%250A\n",
  );
});

test("text: control characters of a user do not reach the terminal", () => {
  const text = formatProblems([{ ...problem, message: "a\u001b[31m\nb\u202e" }], "text");
  assert.match(text, "a\\u001b[31m\\nb\\u202e");
});

test.run();
