import * as core from "@actions/core";
import type { Log } from "../src/log.ts";

/** The step's log. Progress goes there line by line; only warnings and errors become annotations. */
export const actionLog: Log = {
  info: (message) => core.info(asText(message)),
  warn: (message) => core.warning(asText(message)),
  error: (message) => core.info(asText(message)),
};

/**
 * Text that the runner prints and does not obey: a line that begins with `::` is a command to it, and so is `##[` anywhere in a line.
 * A character without width stands in between; others that steer a terminal are spelled out.
 */
export function asText(message: string): string {
  return message
    .split(/\r\n|[\n\r\u2028\u2029]/)
    .map((line) =>
      line
        .replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, (character) =>
          character === "\t" ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
        )
        .replace(/^(\s*):(?=:)/u, "$1:\u200b")
        .replaceAll("##[", "##\u200b["),
    )
    .join("\n");
}
