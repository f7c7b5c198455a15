/** Shows long work step by step on stderr: a live line at a terminal, plain lines elsewhere. */
export interface Steps {
  /** Runs one step, shows it with its seconds when it is done, and passes its result on. Steps may run side by side. */
  run<T>(name: string, work: (note: (text: string) => void) => Promise<T>): Promise<T>;
  /** A line that stays. */
  say(text: string): void;
  /** Each finished step's seconds. */
  readonly seconds: Readonly<Record<string, number>>;
}

const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

export function createSteps(stream: NodeJS.WriteStream = process.stderr): Steps {
  const running = new Map<string, { since: number; note: string }>();
  const seconds: Record<string, number> = {};
  let timer: NodeJS.Timeout | undefined;
  let frame = 0;

  const clear = (): void => {
    if (stream.isTTY) stream.write("\r\x1b[K");
  };
  const draw = (): void => {
    if (!stream.isTTY || running.size === 0) return;
    const parts = [...running].map(([name, { since, note }]) => `${name}${note === "" ? "" : ` (${note})`} ${elapsed(since).toFixed(0)} s`);
    stream.write(`\r\x1b[K${`${FRAMES[frame++ % FRAMES.length]} ${parts.join(" · ")}`.slice(0, (stream.columns ?? 80) - 1)}`);
  };
  const say = (text: string): void => {
    clear();
    stream.write(`${text}\n`);
    draw();
  };

  return {
    seconds,
    say,
    async run(name, work) {
      const step = { since: performance.now(), note: "" };
      running.set(name, step);
      timer ??= stream.isTTY ? setInterval(draw, 100).unref() : undefined;
      try {
        const result = await work((text) => {
          step.note = text;
        });
        seconds[name] = Math.round(elapsed(step.since) * 10) / 10;
        running.delete(name);
        say(`✓ ${name} ${elapsed(step.since).toFixed(1)} s${step.note === "" ? "" : `  ${step.note}`}`);
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
