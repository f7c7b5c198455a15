/** Shows long work step by step on stderr: a live line at a terminal; elsewhere plain lines, and now and then one with what is under way. */
export interface Steps {
  /**
   * Runs one step, shows it with its seconds when it is done, and passes its result on. Steps may run side by side. `note` says how it goes, and at
   * the end how it went; `fail` has it shown as failed although it threw nothing.
   */
  run<T>(name: string, work: (note: (text: string) => void, fail: () => void) => Promise<T>): Promise<T>;
  /** A line that stays. */
  say(text: string): void;
  /** Each finished step's seconds. */
  readonly seconds: Readonly<Record<string, number>>;
}

const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

const ELSEWHERE_MS = 15_000;

export function createSteps(stream: NodeJS.WriteStream = process.stderr): Steps {
  const running = new Map<string, { since: number; note: string }>();
  const seconds: Record<string, number> = {};
  let timer: NodeJS.Timeout | undefined;
  let frame = 0;

  const clear = (): void => {
    if (stream.isTTY) stream.write("\r\x1b[K");
  };
  const underWay = (): string =>
    [...running].map(([name, { since, note }]) => `${name}${note === "" ? "" : ` (${note})`} ${elapsed(since).toFixed(0)} s`).join(" · ");
  const draw = (): void => {
    if (!stream.isTTY || running.size === 0) return;
    stream.write(`\r\x1b[K${`${FRAMES[frame++ % FRAMES.length]} ${underWay()}`.slice(0, (stream.columns ?? 80) - 1)}`);
  };
  const remind = (): void => void stream.write(`… ${underWay()}\n`);
  const say = (text: string): void => {
    clear();
    stream.write(`${text}\n`);
    draw();
  };

  return {
    seconds,
    say,
    async run(name, work) {
      const step = { since: performance.now(), note: "", sign: "✓" };
      running.set(name, step);
      timer ??= (stream.isTTY ? setInterval(draw, 100) : setInterval(remind, ELSEWHERE_MS)).unref();
      try {
        const result = await work(
          (text) => {
            step.note = text;
          },
          () => {
            step.sign = "✗";
          },
        );
        seconds[name] = Math.round(elapsed(step.since) * 10) / 10;
        running.delete(name);
        say(`${step.sign} ${name} ${elapsed(step.since).toFixed(1)} s${step.note === "" ? "" : `  ${step.note}`}`);
        return result;
      } catch (error) {
        running.delete(name);
        say(`✗ ${name} ${elapsed(step.since).toFixed(1)} s`);
        throw error;
      } finally {
        if (running.size === 0) {
          clearInterval(timer);
          timer = undefined;
        }
      }
    },
  };
}

function elapsed(since: number): number {
  return (performance.now() - since) / 1000;
}
