import { test } from "uvu";
import * as assert from "uvu/assert";
import { sha256 } from "../../src/ids.ts";
import { canonicalManifest, type Manifest, parseManifest, releaseIdOf } from "../../src/release/manifest.ts";

const file = (path: string) => ({ path, sha256: sha256(path), size: path.length });
const manifest: Manifest = {
  manifest_version: 1,
  host_package: "1",
  files: [file("configs/a/ü ö.json"), file("dags/a.py"), file("run-task.mjs"), file("specs/a.json")],
  dags: { a: { file: "dags/a.py", source: "scrapes/a/a.yml" } },
};
const text = (value: Manifest): string => new TextDecoder().decode(canonicalManifest(value));
const bytes = (value: string): Uint8Array => new TextEncoder().encode(value);

test("a manifest that was printed reads back the same", () => {
  assert.equal(parseManifest(canonicalManifest(manifest)), manifest);
});

test("the canonical form has sorted keys, no white space and a final newline, and its digest is the id", () => {
  const { dags, files, host_package, manifest_version } = manifest;
  const expected = `${JSON.stringify({ dags, files: files.map(({ path, sha256, size }) => ({ path, sha256, size })), host_package, manifest_version })}\n`;
  assert.is(text(manifest), expected);
  assert.is(releaseIdOf(canonicalManifest(manifest)), sha256(expected));
});

const badPaths = [
  "/etc/passwd",
  "../x",
  "dags/../../x",
  "dags/./x",
  "dags//x",
  "dags/",
  "dags",
  "dags/a\\b",
  "dags/a\nb",
  "dags/a\u0000",
  "dags/\ud800",
  "release.json",
  "node_modules/x",
  "C:/x",
  `configs/${"a".repeat(2000)}`,
];
for (const path of badPaths) {
  test(`the path ${JSON.stringify(path.slice(0, 30))} is refused`, () => {
    assert.throws(
      () => parseManifest(canonicalManifest({ ...manifest, files: [...manifest.files, file(path)] })),
      /not a release manifest/,
    );
  });
}

const altered: [string, string, RegExp][] = [
  ["no JSON", "<html>", /it is not JSON/],
  ["a truncated document", text(manifest).slice(0, 100), /it is not JSON/],
  ["an unknown key", text(manifest).replace('{"dags"', '{"also":1,"dags"'), /additional properties/],
  ["a missing key", text(manifest).replace(',"manifest_version":1', ""), /manifest_version/],
  ["another version", text(manifest).replace('"manifest_version":1', '"manifest_version":2'), /manifest_version/],
  ["a digest that is none", text(manifest).replace(sha256("dags/a.py"), "x"), /sha256/],
  ["a negative size", text(manifest).replace(/"size":\d+/, '"size":-1'), /size/],
  ["a DAG without its file", text(manifest).replace('"file":"dags/a.py"', '"file":"dags/b.py"'), /the DAG a has no file/],
  ["white space", text(manifest).replace(",", ", "), /canonical/],
  ["a key that is given twice", text(manifest).replace('"host_package":"1"', '"host_package":"1","host_package":"1"'), /canonical/],
];
for (const [what, document, message] of altered) {
  test(`${what} is refused`, () => {
    assert.throws(() => parseManifest(bytes(document)), message);
  });
}

test("a path that is in it twice is refused", () => {
  assert.throws(() => parseManifest(canonicalManifest({ ...manifest, files: [...manifest.files, file("specs/a.json")] })), /twice/);
});

test("a path that is the folder of another is refused", () => {
  const files = [file("configs/a"), ...manifest.files];
  assert.throws(() => parseManifest(canonicalManifest({ ...manifest, files })), /both a file and a folder/);
});

test("files out of order are refused", () => {
  const reversed = JSON.parse(text(manifest)) as Manifest;
  const document = `${JSON.stringify({ ...reversed, files: [...reversed.files].reverse() })}\n`;
  assert.throws(() => parseManifest(bytes(document)), /canonical/);
});

test("a DAG may be named like something of JavaScript's own", () => {
  const dags = Object.fromEntries(["__proto__", "constructor"].map((id) => [id, { file: `dags/${id}.py`, source: `scrapes/x/${id}.yml` }]));
  const odd = { ...manifest, dags, files: [file("dags/__proto__.py"), file("dags/constructor.py")] };
  assert.equal(Object.keys(parseManifest(canonicalManifest(odd)).dags), ["__proto__", "constructor"]);
});

test.run();
