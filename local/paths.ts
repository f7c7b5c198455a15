import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's root. */
export const root = join(dirname(fileURLToPath(import.meta.url)), "..");
/** Everything that this checkout makes on this machine and git does not keep. */
export const localDir = join(root, ".local");
/** The locked Python environment that scripts/setup.mjs makes. */
export const pythonBin = join(localDir, "python", "bin");
