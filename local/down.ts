import { rmSync } from "node:fs";
import { join } from "node:path";
import { stopRecorded } from "./process.ts";
import { allStackDirs } from "./stacks.ts";

/** Stops every process of every local stack of this checkout, also after a crash; what they stored stays. */
export async function down(format: "text" | "json"): Promise<void> {
  const stopped: string[] = [];
  for (const dir of allStackDirs()) {
    stopped.push(...(await stopRecorded(dir)));
    rmSync(join(dir, "stack.json"), { force: true });
  }
  process.stdout.write(
    format === "json"
      ? `${JSON.stringify({ stopped })}\n`
      : stopped.length === 0
        ? "nothing was running\n"
        : `stopped ${stopped.join(", ")}\n`,
  );
}
