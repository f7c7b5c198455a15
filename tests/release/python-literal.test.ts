import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { pythonBin } from "../../local/paths.ts";
import { indent, pythonLiteral } from "../../src/release/python-literal.ts";
import { hostileTexts, unstorableTexts } from "./hostile.ts";

const texts = [...hostileTexts, ...unstorableTexts];

test("any text reads back in Python exactly as it was", () => {
  assert.equal(evaluate(texts.map(pythonLiteral)), texts);
});

test("a thousand random texts read back exactly", () => {
  const random = lcg(20240101);
  const alphabet = [..."\"'\\\n\r\t{}%#$`ab 0xuUN", "\u0000", "\ud800", "\udc00", "é", "🚕", "\u2028", "\u00a0"];
  const many = Array.from({ length: 1000 }, () =>
    Array.from({ length: random(30) }, () => alphabet[random(alphabet.length)] ?? "")
      .join("")
      .repeat(1 + random(4)),
  );
  assert.equal(evaluate(many.map(pythonLiteral)), many);
});

test("a text stays the same when its literal is indented", () => {
  assert.equal(evaluate(texts.map((text) => `(\n${indent(indent(pythonLiteral([text])))}\n)[0]`)), texts);
});

test("numbers, truth values, None, lists and dictionaries read back exactly", () => {
  const value = {
    "": [0, 1, -1, 0.1, -2.5e-10, 1e300, 1e21, 9007199254740991, 5e-324],
    "ke'y\n\"": { true: true, false: false, none: null, "{{ x }}": [[], {}, [[1, ["a"]]]] },
    ["__proto__"]: "not a prototype",
    "1": "one",
  };
  assert.equal(evaluate([pythonLiteral(value)]), [value]);
});

test("big integers, not-a-number, infinities and minus zero are Python's", () => {
  const printed = [12345678901234567890n, -(10n ** 30n), Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0];
  const shown = evaluate(printed.map((value) => `repr(${pythonLiteral(value)})`));
  assert.equal(shown, ["12345678901234567890", `-1${"0".repeat(30)}`, "nan", "inf", "-inf", "-0.0"]);
});

test("a literal shows what can be read and escapes what cannot be seen", () => {
  assert.is(pythonLiteral("Grüße 🚕"), '"Grüße 🚕"');
  assert.is(pythonLiteral("\u202ea\u200b\u00a0\u{e0001}"), '"\\u202ea\\u200b\\xa0\\U000e0001"');
  assert.is(pythonLiteral(`it's "so"`), `'it\\'s "so"'`);
});

test("a value that Python has no literal for is refused", () => {
  for (const value of [undefined, () => 1, Symbol("x")]) assert.throws(() => pythonLiteral(value), /no Python literal/);
});

/** What Python makes of the expressions. */
function evaluate(expressions: readonly string[]): unknown {
  const program =
    "import json, sys; print(json.dumps([eval(e, {'__builtins__': {'float': float, 'repr': repr}}) for e in json.load(sys.stdin)]))";
  const output = execFileSync(join(pythonBin, "python"), ["-c", program], {
    input: JSON.stringify(expressions),
    encoding: "utf8",
    maxBuffer: 64e6,
  });
  return JSON.parse(output);
}

/** Random numbers that are the same in every run. */
function lcg(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

test.run();
