import { test } from "uvu";
import * as assert from "uvu/assert";
import { code, fenced, htmlCode, mermaidText, plain, plainLines } from "../../src/plan/markdown.ts";
import { hostileInReports } from "./hostile.ts";

/** Those, and any of them before and after any other. */
const texts = hostileInReports.flatMap((text) => [text, ...hostileInReports.map((other) => `${other.slice(0, 200)}${text.slice(0, 200)}`)]);

/** A code span without a backtick, a pipe, a backslash, an angle bracket or a line's end in it; or references and letters within <code>. */
const span = /^(?:`[\w .,:;/=+@*{}()[\]%"'?!#~^&-]+`|<code>(?:[A-Za-z0-9 ,/+=]|[^\p{ASCII}]|&#\d+;)*<\/code>)$/u;

test("whatever the text is, in prose and in a table's cell it stays one code span", () => {
  for (const text of texts) assert.match(code(text), span);
});

test("whatever the text is, in HTML it is letters and character references", () => {
  for (const text of texts) assert.match(htmlCode(text), /^<code>(?:[\w ,/+=.-]|[^\p{ASCII}]|&#\d+;)*<\/code>$/u);
});

test("a span is what the text was, once references are read", () => {
  for (const text of ["a | b", "x\\|y", "`", "<b> & @me", "--", "#1"]) {
    assert.is(
      code(text)
        .replace(/^<code>|<\/code>$|^`|`$/g, "")
        .replace(/&#(\d+);/g, (_, number) => String.fromCodePoint(Number(number))),
      text,
    );
  }
});

test("no text closes its fence", () => {
  for (const text of texts) {
    const lines = fenced(text, "diff").split("\n");
    const fence = lines[0]?.replace(/diff$/, "") ?? "";
    assert.match(fence, /^`{3,}$/);
    const closing = lines.slice(1).findIndex((line) => new RegExp(`^ {0,3}${fence}\`*\\s*$`).test(line));
    assert.is(closing, lines.length - 2, JSON.stringify(text));
  }
});

test("no text is a command to the runner of GitHub's actions, ends a comment or steers a terminal", () => {
  for (const text of texts) {
    for (const shown of [
      code(text),
      fenced(text, "sql"),
      fenced(text.replace(/^/gm, " "), "diff"),
      fenced(text.replace(/^/gm, "+"), "diff"),
      plain(text),
      plainLines(text, "  "),
      mermaidText(text),
    ]) {
      assert.not.match(shown, /^\s*::/m);
      assert.not.match(shown, /##\[/);
      assert.not.match(shown, /<!--|-->|--!>/);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
      assert.not.match(shown, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
    }
    assert.not.match(plain(text), /\n/);
  }
});

test("a long text is cut by characters, not through one", () => {
  assert.is(plain("🚕".repeat(50), 10), `${"🚕".repeat(9)}…`);
  assert.ok(code("x".repeat(10_000), 100).length < 120);
});

test.run();
