/** Progress and diagnostics. Results go to stdout by whoever owns it; a Log never writes there. */
export interface Log {
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

export function stderrLog(): Log {
  const write = (message: string): void => {
    process.stderr.write(`${message}\n`);
  };
  return { info: write, warn: (message) => write(`warning: ${message}`), error: (message) => write(`error: ${message}`) };
}

export const silentLog: Log = { info() {}, warn() {}, error() {} };
