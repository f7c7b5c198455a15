import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { root } from "../local/paths.ts";

/** Starts a program whose readers are gone before it prints, and returns its exit code and what it said on the pipe that is left. */
async function withClosed(pipes: readonly ("stdout" | "stderr")[], program: string, args: readonly string[]) {
  const child = spawn(process.execPath, [join(root, program), ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: process.env.PATH, HOME: process.env.HOME, DAGLINE_HOME: join(root, "nowhere") },
  });
  let said = "";
  for (const name of ["stdout", "stderr"] as const) {
    if (pipes.includes(name)) child[name].destroy();
    else child[name].on("data", (data: Buffer) => (said += data.toString()));
  }
  const [code] = (await once(child, "close")) as [number | null];
  return { code, said };
}

test("a command whose reader is gone ends as it would have, without a stack", async () => {
  const help = await withClosed(["stdout"], "src/cli/main.ts", ["--help"]);
  assert.equal(help, { code: 0, said: "" });
  const wrong = await withClosed(["stderr"], "src/cli/main.ts", ["nothing-like-it"]);
  assert.equal(wrong, { code: 2, said: "" });
});

test("the host's agent, too, goes on to its end when its caller is gone", async () => {
  const answer = await withClosed(["stdout"], "src/host/main.ts", ["status"]);
  assert.is(answer.code, 1, answer.said);
  assert.not.match(answer.said, /EPIPE| {4}at /);
  assert.is((await withClosed(["stdout", "stderr"], "src/host/main.ts", ["status"])).code, 1);
});

test.run();
