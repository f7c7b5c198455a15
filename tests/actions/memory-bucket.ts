import type { ObjectStore } from "../../src/deploy/object-store.ts";
import { type Sha256, sha256 } from "../../src/ids.ts";

export interface MemoryBucket extends ObjectStore {
  /** By key; tests may look and change. */
  readonly objects: Map<string, { readonly body: Uint8Array; readonly metadata: Readonly<Record<string, string>> }>;
  /** How many writes were asked for. */
  readonly writes: () => number;
}

/** A bucket in memory that keeps S3's conditions. */
export function memoryBucket(): MemoryBucket {
  const objects: MemoryBucket["objects"] = new Map();
  let writes = 0;
  const etagOf = (body: Uint8Array): Sha256 => sha256(body);
  return {
    objects,
    writes: () => writes,
    address: "s3://memory/",
    async get(key) {
      const found = objects.get(key);
      return found === undefined ? undefined : { ...found, etag: etagOf(found.body) };
    },
    async head(key) {
      const found = objects.get(key);
      if (found === undefined) return undefined;
      return { size: found.body.byteLength, etag: etagOf(found.body), metadata: found.metadata, sha256: sha256(found.body) };
    },
    async put(key, body, { ifNoneMatch, ifMatch, metadata = {} } = {}) {
      writes += 1;
      const there = objects.get(key);
      if (ifNoneMatch !== undefined && there !== undefined) return "conflict";
      if (ifMatch !== undefined && (there === undefined || etagOf(there.body) !== ifMatch)) return "conflict";
      objects.set(key, { body: Uint8Array.from(body), metadata });
      return { etag: etagOf(body) };
    },
    async *list(prefix) {
      for (const key of [...objects.keys()].sort()) {
        if (key.startsWith(prefix)) yield { key, size: objects.get(key)?.body.byteLength ?? 0 };
      }
    },
  };
}
