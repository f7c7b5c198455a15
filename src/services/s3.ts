import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import {
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  paginateListObjectsV2,
  S3Client,
  type S3ClientConfig,
} from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import type { ObjectHead, ObjectStore, PutOptions, StoredObject } from "../deploy/object-store.ts";
import { TransientError } from "../errors.ts";
import { parseSha256, type Sha256 } from "../ids.ts";
import { type AwsSettings, clientConfig } from "./aws-client.ts";
import { explainAwsError } from "./aws-errors.ts";

export interface S3Settings extends AwsSettings {
  readonly bucket: string;
  /** Put before every key, with a `/` between them. */
  readonly prefix?: string;
  /** Told of every HTTP request, for tests that count them. */
  readonly onRequest?: (method: string, path: string) => void;
}

/** Without s3:ListBucket, S3 answers "access denied" where there is no object. */
const READ = "s3:GetObject, and s3:ListBucket,";

/** A bucket, over @aws-sdk/client-s3. Its own retries apply; what is left is a UserError or a TransientError that says what to do. */
export class S3ObjectStore implements ObjectStore {
  readonly address: string;
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #prefix: string;

  constructor(settings: S3Settings) {
    this.#bucket = settings.bucket;
    this.#prefix = (settings.prefix ?? "").replace(/([^/])$/, "$1/");
    this.address = `s3://${this.#bucket}/${this.#prefix}`;
    this.#client = new S3Client(s3Config(settings));
    const { onRequest } = settings;
    if (onRequest !== undefined) {
      const observe = (request: unknown): void => {
        const { method, path } = request as { method: string; path: string };
        onRequest(method, path);
      };
      // After signing, so that each retry counts as the request that it is.
      this.#client.middlewareStack.add(
        (next) => (args) => {
          observe(args.request);
          return next(args);
        },
        { step: "deserialize", name: "observe", priority: "low" },
      );
    }
  }

  async get(key: string): Promise<StoredObject | undefined> {
    const found = await this.download(key);
    return found === undefined ? undefined : { body: await buffer(found.body), etag: found.etag, metadata: found.metadata };
  }

  async head(key: string): Promise<ObjectHead | undefined> {
    try {
      const head = await this.#client.send(
        new HeadObjectCommand({ Bucket: this.#bucket, Key: this.#prefix + key, ChecksumMode: "ENABLED" }),
      );
      return {
        size: head.ContentLength ?? 0,
        etag: head.ETag ?? "",
        metadata: head.Metadata ?? {},
        sha256: parseChecksum(head.ChecksumSHA256),
      };
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw this.#explain(error, "look at", key, READ);
    }
  }

  async put(key: string, body: Uint8Array, options: PutOptions = {}): Promise<{ etag: string } | "conflict"> {
    try {
      const { ETag } = await this.#client.send(
        new PutObjectCommand({
          Bucket: this.#bucket,
          Key: this.#prefix + key,
          Body: body,
          ChecksumAlgorithm: "SHA256",
          ...(options.ifNoneMatch === undefined ? {} : { IfNoneMatch: options.ifNoneMatch }),
          ...(options.ifMatch === undefined ? {} : { IfMatch: options.ifMatch }),
          ...(options.contentType === undefined ? {} : { ContentType: options.contentType }),
          ...(options.metadata === undefined ? {} : { Metadata: { ...options.metadata } }),
        }),
      );
      return { etag: ETag ?? "" };
    } catch (error) {
      const name = error instanceof Error ? error.name : "";
      // `If-Match` on an object that is gone is a 404.
      if (name === "PreconditionFailed" || (options.ifMatch !== undefined && name === "NoSuchKey")) return "conflict";
      if (name === "ConditionalRequestConflict") {
        // Another write of this key is under way, and may yet fail: neither ours nor theirs is known to be there.
        throw new TransientError(`could not write ${key} in ${this.address}: another write of it is under way`, {
          hint: "Another deploy is running. Look at what it did, then try again.",
          cause: error,
        });
      }
      throw this.#explain(error, "write", key, "s3:PutObject");
    }
  }

  async *list(prefix: string): AsyncGenerator<{ key: string; size: number }> {
    try {
      for await (const page of paginateListObjectsV2({ client: this.#client }, { Bucket: this.#bucket, Prefix: this.#prefix + prefix })) {
        for (const { Key, Size } of page.Contents ?? []) yield { key: (Key ?? "").slice(this.#prefix.length), size: Size ?? 0 };
      }
    } catch (error) {
      throw this.#explain(error, "list", prefix, "s3:ListBucket");
    }
  }

  /** Streams an object; undefined when there is none. What goes wrong on the way is explained as everything else is. */
  async download(key: string): Promise<{ body: Readable; size: number; etag: string; metadata: Record<string, string> } | undefined> {
    try {
      const found = await this.#client.send(new GetObjectCommand({ Bucket: this.#bucket, Key: this.#prefix + key }));
      if (!(found.Body instanceof Readable)) throw new Error(`the SDK gave no stream for ${key}`);
      const body = Readable.from(this.#explained(found.Body, key), { objectMode: false });
      return { body, size: found.ContentLength ?? 0, etag: found.ETag ?? "", metadata: found.Metadata ?? {} };
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw this.#explain(error, "read", key, READ);
    }
  }

  /**
   * Writes a stream of any length in parts of 8 MiB, two at a time. When it fails or is aborted, nothing half-written is left: the
   * parts that arrived are removed before this settles. An abort rejects with the signal's reason.
   */
  async upload(key: string, body: Readable, options: { metadata?: Record<string, string>; signal?: AbortSignal } = {}): Promise<void> {
    const { signal, metadata = {} } = options;
    const upload = new Upload({
      client: this.#client,
      params: { Bucket: this.#bucket, Key: this.#prefix + key, Body: body, ChecksumAlgorithm: "SHA256", Metadata: metadata },
      partSize: 8 * 1024 * 1024,
      queueSize: 2,
      leavePartsOnError: false,
    });
    // Upload.abort() settles before the parts are removed, and never removes them when the stream stalls; a stream that ends badly does.
    const abort = (): void => void body.destroy(new Error("aborted"));
    try {
      signal?.throwIfAborted();
      signal?.addEventListener("abort", abort, { once: true });
      await upload.done();
    } catch (error) {
      body.destroy();
      signal?.throwIfAborted();
      throw this.#explain(error, "write", key, "s3:PutObject");
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  async *#explained(body: Readable, key: string): AsyncGenerator<Buffer> {
    try {
      for await (const chunk of body as AsyncIterable<Buffer>) yield chunk;
    } catch (error) {
      throw this.#explain(error, "read", key, READ);
    }
  }

  #explain(error: unknown, verb: string, key: string, permission: string): unknown {
    return explainAwsError(error, {
      doing: `${verb} ${key || "objects"} in ${this.address}`,
      permission: `${permission} on ${this.#bucket}`,
    });
  }
}

function s3Config(settings: S3Settings): S3ClientConfig {
  return {
    ...clientConfig(settings),
    requestHandler: { connectionTimeout: 5_000, socketTimeout: 60_000 },
    ...(settings.endpoint == null ? {} : { forcePathStyle: true }),
  };
}

/** AWS's form of a SHA-256, base64, in ours; undefined for none, and for one of parts. */
function parseChecksum(text: string | undefined): Sha256 | undefined {
  return text === undefined || !/^[A-Za-z0-9+/]{43}=$/.test(text) ? undefined : parseSha256(Buffer.from(text, "base64").toString("hex"));
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && (error.name === "NoSuchKey" || error.name === "NotFound");
}
