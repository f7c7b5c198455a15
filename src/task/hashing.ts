import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { Transform, type TransformCallback } from "node:stream";
import { pipeline } from "node:stream/promises";
import { parseSha256, type Sha256 } from "../ids.ts";

/** Passes bytes on and digests them on the way. */
export class HashingStream extends Transform {
  readonly #hash = createHash("sha256");

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#hash.update(chunk);
    done(null, chunk);
  }

  /** The SHA-256 of all that went through; call it once, at the end. */
  digest(): Sha256 {
    return parseSha256(this.#hash.digest("hex"));
  }
}

/** The SHA-256 of a file of any length. */
export async function hashFile(path: string): Promise<Sha256> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return parseSha256(hash.digest("hex"));
}
