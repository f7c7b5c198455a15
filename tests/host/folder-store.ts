import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { ObjectStore } from "../../src/deploy/object-store.ts";

/** A bucket as a folder, so that it outlives the process that is killed. */
export function folderStore(dir: string): ObjectStore {
  const etagOf = (body: Uint8Array): string => createHash("md5").update(body).digest("hex");
  const read = (key: string): Buffer | undefined => (existsSync(join(dir, key)) ? readFileSync(join(dir, key)) : undefined);
  return {
    address: "s3://folder/",
    async get(key) {
      const body = read(key);
      return body === undefined ? undefined : { body, etag: etagOf(body), metadata: {} };
    },
    async head() {
      throw new Error("the agent asks for no heads");
    },
    async put(key, body, options = {}) {
      const there = read(key);
      if (options.ifNoneMatch !== undefined && there !== undefined) return "conflict";
      if (options.ifMatch !== undefined && (there === undefined || etagOf(there) !== options.ifMatch)) return "conflict";
      mkdirSync(dirname(join(dir, key)), { recursive: true });
      writeFileSync(join(dir, key), body);
      return { etag: etagOf(body) };
    },
    async *list() {
      yield* [];
    },
  };
}
