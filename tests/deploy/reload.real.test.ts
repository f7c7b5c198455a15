import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { load } from "js-yaml";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { root } from "../../local/paths.ts";
import { type LocalSsm, startSsmServer } from "../../local/ssm-server.ts";
import { hostStatus, reload } from "../../src/deploy/reload.ts";
import { TransientError, UserError } from "../../src/errors.ts";
import { parseReleaseId } from "../../src/ids.ts";
import { SsmHostCommands } from "../../src/services/ssm.ts";
import { rejects } from "../rejects.ts";
import { until } from "../until.ts";

// The documents of infra/ssm, run by the local SSM over the real SDK; only the agent is a stand-in that prints what it is told to.
const home = mkdtempSync(join(tmpdir(), "dagline-reload-"));
const documentsDir = join(root, "infra", "ssm");
const settings = { region: "eu-west-2", credentials: { accessKeyId: "AKIATEST", secretAccessKey: "secret" } };
const [one, two] = [parseReleaseId("1".repeat(64)), parseReleaseId("2".repeat(64))];
const proof = {
  ok: true,
  release: one,
  previous: two,
  commit: null,
  dags: 10,
  leaving: ["gone"],
  paused: ["one"],
  seconds: { fetch: 0.1 },
  changed: true,
};
let server: LocalSsm;
let commands: SsmHostCommands;

test.before(async () => {
  mkdirSync(join(home, "bin"));
  server = await startSsmServer({
    ...settings,
    documentsDir,
    instanceId: "i-0123456789abcdef0",
    env: { PATH: process.env.PATH, DAGLINE_HOME: home },
    tags: { Name: "airflow" },
  });
  commands = commandsOf("i-0123456789abcdef0");
});
test.after(async () => {
  await server?.stop();
  rmSync(home, { recursive: true });
});

function commandsOf(instance: string): SsmHostCommands {
  return new SsmHostCommands({ ...settings, endpoint: server.endpoint, instance });
}

function agent(script: string): void {
  writeFileSync(join(home, "bin", "dagline-agent"), `#!/bin/sh\n${script}\n`);
  chmodSync(join(home, "bin", "dagline-agent"), 0o755);
}

function agentPrints(answer: unknown, exitCode = 0): void {
  agent(`echo working >&2\ncat <<'END'\n${JSON.stringify(answer)}\nEND\nexit ${exitCode}`);
}

const go = (release: typeof one | "current" = one, timeoutSeconds = 20): ReturnType<typeof reload> =>
  reload(commands, { release, timeoutSeconds });

test("a reload returns the agent's proof, and passes on what it said meanwhile", async () => {
  agentPrints(proof);
  const said: string[] = [];
  const log = { info: (message: string) => said.push(message), warn() {}, error() {} };
  const { ok: _, ...expected } = proof;
  assert.equal(await reload(commands, { release: one, timeoutSeconds: 20, log }), expected);
  assert.equal(said, ["host: working"]);
});

test("the agent is told which release", async () => {
  agent(`echo "$@" > ${join(home, "args")}; cat <<'END'\n${JSON.stringify(proof)}\nEND`);
  await go(one);
  assert.is(readFileSync(join(home, "args"), "utf8"), `reload --release ${one}\n`);
  await go("current");
  assert.is(readFileSync(join(home, "args"), "utf8"), "reload --release current\n");
});

test("a release that was not activated is the user's error, with the YAML line and where the host stands", async () => {
  agentPrints(
    { ok: false, release: one, active: two, error: { message: "no such module", hint: "Add it.", file: "scrapes/a/a.yml", line: 14 } },
    1,
  );
  const error = await rejects(
    go(),
    /^the release was not activated: scrapes\/a\/a\.yml:14: no such module \(the host stays on release 222222222222\)$/,
  );
  assert.instance(error, UserError);
  assert.is((error as UserError).hint, "Add it.");
});

test("what the agent calls passing is to be tried again", async () => {
  agentPrints({ ok: false, release: one, active: null, error: { message: "the API is away", hint: null, file: null, line: null } }, 3);
  assert.instance(await rejects(go(), /the API is away \(no release is active on the host\)/), TransientError);
});

for (const [what, script, message] of [
  ["no answer at all", "echo died >&2; exit 70", /the host gave no proof \(Failed, exit code 70: died\)/],
  ["a cut answer", `echo '{"ok":true,"rel'`, /the host gave no proof/],
  ["an answer that is not a proof", `echo '{"ok":true,"release":"x"}'`, /the host gave no proof/],
  ["a proof and a failing exit code", `echo '${JSON.stringify(proof)}'; exit 9`, /the host gave no proof/],
  ["a proof of another release", `echo '${JSON.stringify({ ...proof, release: two })}'`, /proved release 2{12} instead of 1{12}/],
] as const) {
  test(`${what} is no proof`, async () => {
    agent(script);
    assert.instance(await rejects(go(), message), TransientError);
  });
}

test("a host without the agent is one plain line", async () => {
  rmSync(join(home, "bin", "dagline-agent"), { force: true });
  await rejects(go(), /the host gave no proof \(Failed, exit code 127: .*dagline-agent.*not found/);
});

test("a reload that does not end in time is cancelled on the host", async () => {
  agent(`trap 'touch ${join(home, "told")}; exit 1' TERM; sleep 60 & wait`);
  assert.instance(await rejects(go("current", 0.5), /did not end within 0.5 s and was cancelled/), TransientError);
  await until("the agent to be told", () => {
    try {
      return readFileSync(join(home, "told")) !== undefined;
    } catch {
      return false;
    }
  });
});

test("the host's status tells its release and the runs under way", async () => {
  agentPrints({
    release: two,
    previous: one,
    healthy: false,
    dags: 3,
    in_flight: { one: 2 },
    leaving: ["gone"],
    paused: ["one"],
    paused_removed: null,
    problems: ["the scheduler is away"],
  });
  const status = {
    release: two,
    healthy: false,
    dags: 3,
    inFlight: { one: 2 },
    leaving: ["gone"],
    paused: ["one"],
    pausedRemoved: null,
    problems: ["the scheduler is away"],
  };
  assert.equal(await hostStatus(commands, { timeoutSeconds: 20 }), status);
  agentPrints({ release: null, healthy: true, dags: 0, problems: [] });
  assert.is((await hostStatus(commands, { timeoutSeconds: 20 })).release, null);
});

test("a host is found by a tag, and its absence is the user's error", async () => {
  agentPrints(proof);
  assert.is((await reload(commandsOf("tag:Name=airflow"), { release: one, timeoutSeconds: 20 })).release, one);
  const none = commandsOf("tag:Name=other");
  assert.instance(
    await rejects(reload(none, { release: one, timeoutSeconds: 20 }), /SSM knows no instance with tag:Name=other/),
    UserError,
  );
  const wrong = commandsOf("i-0000000000000000f");
  assert.instance(await rejects(reload(wrong, { release: one, timeoutSeconds: 20 }), /does not know the instance/), UserError);
});

test("no parameter of our SSM documents can carry shell", () => {
  const signs = [..."'\"`$;&|<>(){}*?!#~\\ \n"];
  for (const name of ["dagline-reload", "dagline-status", "dagline-backfill"]) {
    const document = load(readFileSync(join(documentsDir, `${name}.yml`), "utf8")) as {
      schemaVersion: string;
      parameters?: Record<string, { type: string; allowedPattern?: string; allowedValues?: string[] }>;
    };
    assert.is(document.schemaVersion, "2.2");
    for (const { type, allowedPattern, allowedValues } of Object.values(document.parameters ?? {})) {
      assert.is(type, "String");
      if (allowedValues !== undefined) {
        assert.ok(allowedValues.every((value) => !signs.some((sign) => value.includes(sign))));
        continue;
      }
      assert.match(allowedPattern ?? "", /^\^.*\$$/);
      for (const sign of signs)
        for (const text of [sign, `current${sign}`, `${"0".repeat(64)}${sign}`]) assert.not.match(text, new RegExp(allowedPattern ?? ""));
    }
  }
});

test.run();
