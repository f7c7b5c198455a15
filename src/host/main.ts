import { parseArgs } from "node:util";
import { type BackfillAction, backfillActions, decodeHostRequest } from "../backfill/host-request.ts";
import { outliveReaders } from "../closed-pipe.ts";
import { describeError, exitCode, exitCodeOf, TransientError, UserError } from "../errors.ts";
import { parseReleaseId, type ReleaseId } from "../ids.ts";
import { type Log, stderrLog } from "../log.ts";
import { AirflowApi } from "../services/airflow-api.ts";
import { AirflowHost } from "../services/airflow-host.ts";
import { AirflowRunsApi } from "../services/airflow-runs.ts";
import { S3ObjectStore } from "../services/s3.ts";
import { backfill } from "./backfill.ts";
import { DagError } from "./blame.ts";
import type { Host } from "./host.ts";
import { installRelease } from "./install.ts";
import { ReloadFailure, reload } from "./reload.ts";
import { type HostSettings, readHostSettings } from "./settings.ts";
import { readActive } from "./standing.ts";
import { status } from "./status.ts";
import { explainHostError } from "./system-errors.ts";
import { prepareTrial } from "./try-release.ts";

const usage =
  "usage: dagline-agent reload [--release ID|current] | fetch ID | status | backfill dry-run|start|status|cancel --request TEXT";

/** The agent's command line: one line of JSON on stdout, progress on stderr, exit codes as DESIGN gives them. */
async function main(args: readonly string[], home: string, log: Log): Promise<number> {
  const command = parseCommand(args);
  if (command === undefined) {
    log.error(usage);
    return exitCode.wrongUsage;
  }
  try {
    if (command.name === "backfill") {
      const runs = new AirflowRunsApi(airflowApi(readHostSettings(home)));
      return answer(await backfill({ home, runs, now: () => new Date(), log }, command.action, decodeHostRequest(command.request)));
    }
    const host = connect(home, log);
    if (command.name === "status") return answer(await status(host));
    if (command.name === "reload") return answer(await reload(host, command.release));
    const { written } = await installRelease(host, command.release);
    return answer({ ok: true, release: command.release, files: written.length });
  } catch (error) {
    return fail(error, command, home, log);
  }
}

type Command =
  | { name: "status" }
  | { name: "reload"; release: ReleaseId | "current" }
  | { name: "fetch"; release: ReleaseId }
  | { name: "backfill"; action: BackfillAction; request: string };

function parseCommand(args: readonly string[]): Command | undefined {
  try {
    const text = { type: "string" } as const;
    const { positionals, values } = parseArgs({ args: [...args], allowPositionals: true, options: { release: text, request: text } });
    const [name, id, ...others] = positionals;
    if (others.length > 0) return undefined;
    if (name === "fetch" && id !== undefined) return { name, release: parseReleaseId(id) };
    const action = backfillActions.find((known) => known === id);
    if (name === "backfill" && action !== undefined && values.request !== undefined) return { name, action, request: values.request };
    if (id !== undefined) return undefined;
    if (name === "status") return { name };
    if (name !== "reload") return undefined;
    const release = values.release ?? "current";
    return { name, release: release === "current" ? release : parseReleaseId(release) };
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return undefined;
  }
}

function connect(home: string, log: Log): Host {
  const settings = readHostSettings(home);
  const { bucket, prefix, region, s3_endpoint: endpoint } = settings;
  return {
    home,
    store: new S3ObjectStore({ bucket, prefix, region, endpoint }),
    airflow: new AirflowHost(airflowApi(settings), settings.bundle_name),
    prepareTrial: () => prepareTrial(home, settings.python),
    now: () => new Date(),
    log,
  };
}

function airflowApi({ airflow_api: url, airflow_user: user, airflow_password_file: passwordFile }: HostSettings): AirflowApi {
  return new AirflowApi({ url, user, passwordFile });
}

function answer(value: unknown): number {
  process.stdout.write(`${JSON.stringify(value)}\n`);
  return exitCode.done;
}

function fail(error: unknown, command: Command, home: string, log: Log): number {
  const cause = explainHostError(error instanceof ReloadFailure ? error.cause : error, home);
  const undone = error instanceof ReloadFailure ? error.undone : undefined;
  log.error(describeError(cause));
  for (const problem of undone?.problems ?? []) log.error(problem);
  const known = cause instanceof UserError || cause instanceof TransientError;
  const hints = [known ? cause.hint : undefined, ...(undone?.problems ?? [])].filter((hint) => hint !== undefined);
  const release = error instanceof ReloadFailure ? error.release : "release" in command ? command.release : null;
  answer({
    ok: false,
    release: release === "current" ? null : release,
    active: undone === undefined ? activeRelease(home) : undone.active,
    error: {
      message: cause instanceof Error ? cause.message : String(cause),
      hint: hints.length === 0 ? null : hints.join(" "),
      file: cause instanceof DagError ? cause.file : null,
      line: cause instanceof DagError ? cause.line : null,
    },
  });
  return exitCodeOf(cause);
}

/** For an error's report, which must not fail for a file that can't be read. */
function activeRelease(home: string): ReleaseId | null {
  try {
    return readActive(home)?.release ?? null;
  } catch {
    return null;
  }
}

outliveReaders();
process.exitCode = await main(process.argv.slice(2), process.env.DAGLINE_HOME ?? "/opt/dagline", stderrLog());
