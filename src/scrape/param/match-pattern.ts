import vm from "node:vm";
import { readPattern } from "./python-pattern.ts";

const LONGEST = 10_000;
let sandbox: vm.Context | undefined;

/** Why a text does not match a pattern, in words that follow the text's name; null when it does. A pattern that is refused is left to Airflow. */
export function patternError(pattern: string, text: string): string | null {
  const read = readPattern(pattern);
  if ("message" in read) return null;
  if (text.length > LONGEST) return `is longer than the ${LONGEST} characters that a pattern is tried on`;
  sandbox ??= vm.createContext(Object.create(null));
  sandbox.source = read.source;
  sandbox.text = text;
  try {
    const matches: unknown = vm.runInContext("new RegExp(source, 'v').test(text)", sandbox, { timeout: 1000 });
    return matches === true ? null : `does not match the pattern ${pattern}`;
  } catch (error) {
    // The error is made in the sandbox, so it is no instance of this realm's Error.
    if (typeof error === "object" && error !== null && "code" in error && error.code === "ERR_SCRIPT_EXECUTION_TIMEOUT") {
      return `takes too long to be compared with the pattern ${pattern}`;
    }
    throw error;
  }
}
