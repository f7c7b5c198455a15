import type { Annotation, Services } from "../../actions/services.ts";
import type { CommandOutcome, HostCommands } from "../../src/deploy/host-commands.ts";
import type { ObjectStore } from "../../src/deploy/object-store.ts";
import { TransientError } from "../../src/errors.ts";
import type { Forge } from "../../src/forge/forge.ts";

interface Parts {
  readonly root: string;
  readonly run?: Partial<Services["run"]>;
  readonly forge?: Forge;
  readonly bucket?: ObjectStore;
  readonly host?: HostCommands;
  readonly environment?: Services["environment"];
  readonly hasCloud?: boolean;
  readonly now?: Date;
  readonly signal?: AbortSignal;
}

export interface TestServices extends Services {
  readonly lines: { readonly info: string[]; readonly warn: string[] };
  readonly outputs: Record<string, string | number | boolean>;
  readonly states: Record<string, string>;
  readonly annotations: Annotation[];
  readonly written: () => string;
}

const commit = "c".repeat(40);

/** The services of an action under test: what it says and writes is collected; what it was not given it may not ask for. */
export function testServices(parts: Parts): TestServices {
  const lines = { info: [] as string[], warn: [] as string[] };
  const outputs: TestServices["outputs"] = {};
  const states: TestServices["states"] = {};
  const annotations: Annotation[] = [];
  const summaries: string[] = [];
  const given = <T>(part: T | undefined, what: string): T => {
    if (part === undefined) throw new Error(`the action asked for ${what}`);
    return part;
  };
  return {
    root: parts.root,
    log: {
      info: (message) => lines.info.push(message),
      warn: (message) => lines.warn.push(message),
      error: (message) => lines.info.push(message),
    },
    run: {
      repository: { owner: "acme", repo: "data" },
      event: "push",
      sha: commit,
      attempt: "1",
      id: "77",
      url: "https://github.example/acme/data/actions/runs/77",
      payload: {},
      ...parts.run,
    },
    signal: parts.signal ?? new AbortController().signal,
    now: () => parts.now ?? new Date(),
    forge: () => given(parts.forge, "the forge"),
    environment:
      parts.environment ??
      (() => ({
        region: "eu-west-2",
        bucket: "b",
        prefix: "",
        instance: "i-0123456789abcdef0",
        url: "https://airflow.example",
        output: { bucket: null, logGroup: null },
      })),
    bucket: async () => given(parts.bucket, "the bucket"),
    host: async () => given(parts.host, "the host"),
    hasCloud: () => parts.hasCloud ?? false,
    output(name, value) {
      outputs[name] = value;
    },
    saveState(name, value) {
      states[name] = value;
    },
    summary: (markdown) => summaries.push(markdown),
    annotate: (annotation) => annotations.push(annotation),
    lines,
    outputs,
    states,
    annotations,
    written: () => summaries.join("\n\n"),
  };
}

type Asked = Parameters<HostCommands["run"]>;

/** A host that prints what `answer` gives, and is asked for `asked`. */
export function hostThat(
  answer: (...asked: Asked) => { readonly exitCode?: number; readonly print: unknown },
): HostCommands & { readonly asked: Asked[] } {
  const asked: Asked[] = [];
  return {
    asked,
    async run(...question): Promise<CommandOutcome> {
      asked.push(question);
      question[2].signal?.throwIfAborted();
      const { exitCode = 0, print } = answer(...question);
      const status = exitCode === 0 ? "Success" : "Failed";
      return { status, exitCode, stdout: `${JSON.stringify(print)}\n`, stderr: "host at work\n" };
    },
  };
}

/** A host that proves whatever release it is asked to serve. */
export function provingHost(): ReturnType<typeof hostThat> {
  return hostThat((_, { ReleaseId }) => ({
    print: { ok: true, release: ReleaseId, previous: null, commit: null, dags: 2, seconds: { fetch: 0.1, prove: 2 }, changed: true },
  }));
}

export const silentHost: HostCommands = {
  async run() {
    throw new TransientError("dagline-status on i-0 did not end within 120 s and was cancelled");
  },
};
