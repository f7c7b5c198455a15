import { test } from "uvu";
import * as assert from "uvu/assert";
import { asText } from "../../actions/log.ts";
import { hostileInReports } from "../plan/hostile.ts";

const pieces = [
  "::",
  ":",
  "set-output name=a::b",
  "error::x",
  "##[",
  "##",
  "[",
  "add-mask]",
  " ",
  "\t",
  "\r",
  "\n",
  "\r\n",
  "\u2028",
  "\u2029",
  "\u0085",
  "\u00a0",
  "\u3000",
  "\ufeff",
  "\u200b",
  "\v",
  "\f",
  "\0",
  "\u001b[31m",
  "\u001b]8;;x\u0007",
  "\u009b1m",
  "\u202e",
  "\u2066",
  "%0A",
  "x",
  "💩",
  "\ud800",
];

test("text that the runner would obey is shown and not obeyed", () => {
  for (const text of [
    "::set-output name=x::y",
    "  ::error::x",
    "a\n::add-mask::y",
    "a\r::stop-commands::z",
    "a\u2028::warning::x",
    "\u00a0::debug::x",
  ]) {
    assert.not.ok(isObeyed(asText(text)), JSON.stringify(text));
    assert.ok(isObeyed(text), `the check would miss ${JSON.stringify(text)}`);
  }
  assert.not.ok(isObeyed(asText("x ##[add-path]/tmp ##[command]")));
});

test("whatever hostile pieces are put together, nothing of it is obeyed and no terminal is steered", () => {
  const random = numbers(7);
  const made = Array.from({ length: 5000 }, () =>
    Array.from({ length: 1 + random(8) }, () => pieces[random(pieces.length)] ?? "").join(""),
  );
  for (const text of [...hostileInReports, ...made]) {
    const shown = asText(text);
    assert.not.ok(isObeyed(shown), JSON.stringify({ text, shown }));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
    assert.not.match(shown, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/, JSON.stringify(text));
  }
});

test("text without commands stays as it is, letters of any language and lines too", () => {
  const text = "scrapes/x/x.yml:14: `retries` is -1\n\tGrüße 日本語 a::b 50% ## [x]";
  assert.is(asText(text), text);
});

/** Whether the runner takes a line for a command: ActionCommand.TryParseV2 and TryParse of actions/runner. */
function isObeyed(text: string): boolean {
  return text.split(/\r\n|[\n\r\u0085\u2028\u2029]/).some((line) => line.trimStart().startsWith("::") || line.includes("##["));
}

/** The same numbers on each run. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

test.run();
