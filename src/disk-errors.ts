import { TransientError, UserError } from "./errors.ts";

/** What the file system says, by Node's code for it: https://nodejs.org/api/errors.html#common-system-errors */
const codes: Readonly<Record<string, DiskTrouble>> = {
  ENOSPC: { what: "the disk is full", mend: "room" },
  EDQUOT: { what: "the disk quota is used up", mend: "room" },
  EFBIG: { what: "a file would be larger than the host allows", mend: "room" },
  EMFILE: { what: "too many files are open", mend: "Close files that are no longer needed, or raise the limit (`ulimit -n`)." },
  ENFILE: { what: "the machine has too many open files", mend: "Look at what holds them open (`lsof`), then try again." },
  EIO: { what: "the disk fails", mend: "Look at the kernel's log (`dmesg`), and at the disk." },
  EROFS: { what: "the disk is read-only", mend: "Write elsewhere; if it should be writable, look at the kernel's log (`dmesg`)." },
};

/** Programs that pass on the system's words, not its codes: DuckDB, SQLite, and what a function starts. */
const words: readonly (readonly [RegExp, keyof typeof codes])[] = [
  [/no space left on device|database or disk is full/i, "ENOSPC"],
  [/disk quota exceeded/i, "EDQUOT"],
  [/file too large/i, "EFBIG"],
  [/too many open files in system/i, "ENFILE"],
  [/too many open files/i, "EMFILE"],
  [/read-only file system/i, "EROFS"],
];

interface DiskTrouble {
  readonly what: string;
  /** `room`: the caller knows where room has to be made. */
  readonly mend: string;
}

/**
 * An error of this machine's file system, or one that such an error caused, as a person should see it; undefined for any other.
 * A full disk may have room again at the next try; a read-only one stays so. `makeRoom` says where room has to be made.
 */
export function explainDiskError(error: unknown, makeRoom: string): TransientError | UserError | undefined {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 10; at = at.cause, depth++) {
    const trouble = troubleOf(at);
    if (trouble === undefined) continue;
    const options = { hint: trouble.mend === "room" ? makeRoom : trouble.mend, cause: error };
    const message = `${trouble.what}: ${at.message}`;
    return trouble === codes.EROFS ? new UserError(message, options) : new TransientError(message, options);
  }
  return undefined;
}

function troubleOf(error: Error): DiskTrouble | undefined {
  const code = "code" in error ? String(error.code) : "";
  if (Object.hasOwn(codes, code)) return codes[code];
  const name = words.find(([pattern]) => pattern.test(error.message))?.[1];
  return name === undefined ? undefined : codes[name];
}
