import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { openStandIns } from "../../local/stand-ins.ts";

const root = mkdtempSync(join(tmpdir(), "dagline-stand-ins-"));
const said: string[] = [];
const standIns = openStandIns(root, (text) => said.push(text));
mkdirSync(join(root, "scrapes"));
test.after(async () => {
  await standIns.stop();
  rmSync(root, { recursive: true });
});
test.before.each(() => {
  said.length = 0;
});

let saved = 0;
/** Saves a scrape's local.ts, each time with another time of change. */
function save(scrape: string, text: string): void {
  const file = join(root, "scrapes", scrape, "local.ts");
  mkdirSync(join(file, ".."), { recursive: true });
  writeFileSync(file, text);
  utimesSync(file, saved, ++saved);
}

const answering = (origin: string, body: string): string =>
  `export const origin = ${JSON.stringify(origin)};\nexport const answer = async (request: Request): Promise<Response> => ${body};\n`;

test("a scrape's local.ts answers for its origin, and sees the address, the method and the body that were sent", async () => {
  save(
    "tides",
    answering("https://tides.example.com", "Response.json([request.method, request.url, await request.text()], { status: 201 })"),
  );
  const { "https://tides.example.com": url } = await standIns.read();
  const response = await fetch(`${url}/v1?day=1`, { method: "POST", body: "what" });
  assert.is(response.status, 201);
  assert.equal(await response.json(), ["POST", "https://tides.example.com/v1?day=1", "what"]);
  assert.equal(said, ["scrapes/tides/local.ts answers for https://tides.example.com on this machine"]);
});

test("a local.ts that is saved again answers anew at the same place; one that is removed does no longer", async () => {
  const before = await standIns.read();
  save("tides", answering("https://tides.example.com", 'new Response("new")'));
  assert.equal(await standIns.read(), before);
  assert.is(await (await fetch(before["https://tides.example.com"] ?? "")).text(), "new");
  rmSync(join(root, "scrapes", "tides"), { recursive: true });
  assert.equal(await standIns.read(), {});
});

test("of two scrapes with one origin, the one that knows the address answers", async () => {
  save("a", answering("https://shared.example.com", "new Response(null, { status: 404 })"));
  save("b", answering("https://shared.example.com", 'new Response("b")'));
  const { "https://shared.example.com": url } = await standIns.read();
  assert.is(await (await fetch(url ?? "")).text(), "b");
});

test("a local.ts that can't be used is told with its file, and the others are used", async () => {
  save("broken", "export const origin = ;");
  save("pathful", answering("https://example.com/v1", "new Response()"));
  save("silent", 'export const origin = "https://example.com";');
  assert.equal(Object.keys(await standIns.read()), ["https://shared.example.com"]);
  assert.match(said[0] ?? "", /^scrapes\/broken\/local\.ts is not used: /);
  assert.match(said[1] ?? "", /^scrapes\/pathful\/local\.ts is not used: it must export `origin`, such as /);
  assert.match(said[2] ?? "", /^scrapes\/silent\/local\.ts is not used: it must export a function `answer\(request\)`/);
});

test("an answer that throws is a 500 with the reason, and is told with the address", async () => {
  save("moody", answering("https://moody.example.com", '{ throw new Error("no fixture") }'));
  const { "https://moody.example.com": url } = await standIns.read();
  const response = await fetch(`${url}/x`);
  assert.is(response.status, 500);
  assert.match(await response.text(), /no fixture/);
  assert.match(said.at(-1) ?? "", /^a stand-in for https:\/\/moody\.example\.com failed at GET \/x: Error: no fixture/);
});

test.run();
