import { createHash, type Hash, hash } from "node:crypto";

export interface RowSum {
  /** How many rows there were so far. */
  readonly rows: number;
  /** A row's bytes, in pieces; `ends` with its last one. */
  add(bytes: Buffer, ends: boolean): void;
  /** Of all rows, the same in any order of them; null when they were only counted. */
  total(): string | null;
}

const LANES = 8;

/** Sums the SHA-256 of each row, in eight numbers of 32 bits. */
export function digestRows(): RowSum {
  const sums = new Uint32Array(LANES);
  let rows = 0;
  let open: Hash | null = null;
  return {
    get rows() {
      return rows;
    },
    add(bytes, ends) {
      if (!ends) {
        open ??= createHash("sha256");
        open.update(bytes);
        return;
      }
      const digest = open === null ? hash("sha256", bytes, "buffer") : open.update(bytes).digest();
      for (let lane = 0; lane < LANES; lane++) sums[lane] = (sums[lane] as number) + digest.readUInt32LE(lane * 4);
      open = null;
      rows++;
    },
    total: () => Buffer.from(sums.buffer).toString("hex"),
  };
}

export function countRows(): RowSum {
  let rows = 0;
  return {
    get rows() {
      return rows;
    },
    add(_bytes, ends) {
      if (ends) rows++;
    },
    total: () => null,
  };
}
