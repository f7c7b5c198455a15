import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseReleaseId, sha256 } from "../../src/ids.ts";
import { blobKey, type Pointer, parsePointer, printPointer, releaseKey } from "../../src/release/layout.ts";

const id = parseReleaseId(sha256("a"));
const pointer: Pointer = { release: id, previous: null, commit: "0".repeat(40), deployed_at: "2026-01-02T03:04:05.000Z" };
const parse = (value: unknown): Pointer => parsePointer(new TextEncoder().encode(JSON.stringify(value)));

test("keys of blobs and releases carry their digests", () => {
  assert.is(blobKey(sha256("a")), `blobs/sha256/${sha256("a")}`);
  assert.is(releaseKey(id), `releases/${id}.json`);
});

test("a pointer that was printed reads back the same", () => {
  for (const each of [pointer, { ...pointer, previous: id, commit: null }]) assert.equal(parsePointer(printPointer(each)), each);
});

const wrong: [string, unknown, RegExp][] = [
  ["no object", [], /not an object/],
  ["a release that is none", { ...pointer, release: "latest" }, /not a release id/],
  ["no release", { ...pointer, release: undefined }, /release is missing/],
  ["a missing previous", { ...pointer, previous: undefined }, /previous/],
  ["a commit that is none", { ...pointer, commit: "main" }, /commit/],
  ["a time that is none", { ...pointer, deployed_at: "yesterday" }, /deployed_at/],
  ["an unknown key", { ...pointer, note: "x" }, /unknown key "note"/],
];
for (const [what, value, message] of wrong) test(`a pointer with ${what} is refused`, () => assert.throws(() => parse(value), message));

test("a pointer that is no JSON is refused", () => {
  assert.throws(() => parsePointer(new TextEncoder().encode("<Error>")), /not a pointer to a release: it is not JSON/);
});

test.run();
