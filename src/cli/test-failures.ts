/** One test that failed. Lines and columns start at 1. */
export interface TestFailure {
  readonly title: string;
  readonly message: string;
  readonly line: number;
  readonly column: number;
}

/** Reads uvu's report of one test file: each failure, on the line of the file that its error passed through first, or line 1. */
export function readFailures(output: string, file: string): TestFailure[] {
  return output
    .split(/^ {3}FAIL {2}/m)
    .slice(1)
    .map((block) => readFailure(block, file));
}

function readFailure(block: string, file: string): TestFailure {
  const [heading = "", ...lines] = block.split("\n");
  const title = /^"(.*)"/.exec(heading)?.[1] ?? heading;
  const trace = lines.findIndex((line) => /^\s+at .*:\d+:\d+\)?$/.test(line));
  const place = lines.map((line) => /[(/ ]([^()\s]*):(\d+):(\d+)\)?$/.exec(line)).find((match) => match?.[1]?.endsWith(file));
  const message = lines
    .slice(0, trace < 0 ? 8 : trace)
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .join("\n");
  return { title, message: message.slice(0, 2000), line: Number(place?.[2] ?? 1), column: Number(place?.[3] ?? 1) };
}
