import type { Sha256 } from "../ids.ts";

/** What deploying needs of a bucket. The adapter is src/services/s3.ts. */
export interface ObjectStore {
  /** The whole object, or undefined when there is none. For small objects. */
  get(key: string): Promise<StoredObject | undefined>;
  /** Size, metadata and checksum, or undefined when there is no object. */
  head(key: string): Promise<ObjectHead | undefined>;
  /**
   * Writes an object whole or not at all; the server verifies its SHA-256. `ifNoneMatch: "*"` writes only where nothing is,
   * `ifMatch` only over that version; "conflict" says that the condition did not hold. Throws TransientError when another write of
   * the same key is under way.
   */
  put(key: string, body: Uint8Array, options?: PutOptions): Promise<{ readonly etag: string } | "conflict">;
  /** All keys under a prefix, in the bucket's order. */
  list(prefix: string): AsyncIterable<{ readonly key: string; readonly size: number }>;
  /** `s3://bucket/prefix`, for messages. */
  readonly address: string;
}

export interface StoredObject {
  readonly body: Uint8Array;
  readonly etag: string;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface ObjectHead {
  /** In bytes. */
  readonly size: number;
  readonly etag: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** What the server found the content's SHA-256 to be; undefined for an object that was written without one. */
  readonly sha256: Sha256 | undefined;
}

export interface PutOptions {
  readonly ifNoneMatch?: "*";
  readonly ifMatch?: string;
  readonly contentType?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}
