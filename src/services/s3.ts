import { Readable } from "node:stream";
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
import { explainAwsError } from "./aws-errors.ts";

export interface S3Settings {
  readonly bucket: string;
  /** Put before every key; empty or ending in `/`. */
  readonly prefix?: string;
  readonly region: string;
  /** Another address than AWS's own. */
  readonly endpoint?: string | null;
  /** Without them, the SDK's own chain: environment, profile, instance role. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** Told of every HTTP request, for tests that count them. */
  readonly onRequest?: (method: string, path: string) => void;
}

/** A bucket, over @aws-sdk/client-s3. Its own retries apply; what is left is a UserError or a TransientError that says what to do. */
export class S3ObjectStore implements ObjectStore {
  readonly address: string;
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #prefix: string;

  constructor(settings: S3Settings) {
    this.#bucket = settings.bucket;
    this.#prefix = settings.prefix ?? "";
    this.address = `s3://${this.#bucket}/${this.#prefix}`;
    this.#client = new S3Client(clientConfig(settings));
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
    if (found === undefined) return undefined;
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of found.body) chunks.push(chunk as Buffer);
    } catch (error) {
      throw this.#explain(error, "read", key, "s3:GetObject");
    }
    return { body: Buffer.concat(chunks), etag: found.etag, metadata: found.metadata };
  }

  async head(key: string): Promise<ObjectHead | undefined> {
    try {
      const head = await this.#client.send(new HeadObjectCommand({ Bucket: this.#bucket, Key: this.#prefix + key }));
      return { size: head.ContentLength ?? 0, etag: head.ETag ?? "", metadata: head.Metadata ?? {} };
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw this.#explain(error, "look at", key, "s3:GetObject");
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
      if (error instanceof Error && (error.name === "PreconditionFailed" || error.name === "ConditionalRequestConflict")) return "conflict";
      // `If-Match` on an object that is gone is a 404.
      if (options.ifMatch !== undefined && error instanceof Error && error.name === "NoSuchKey") return "conflict";
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

  /** Streams an object; undefined when there is none. Errors of the stream itself are the SDK's. */
  async download(key: string): Promise<{ body: Readable; size: number; etag: string; metadata: Record<string, string> } | undefined> {
    try {
      const found = await this.#client.send(new GetObjectCommand({ Bucket: this.#bucket, Key: this.#prefix + key }));
      if (!(found.Body instanceof Readable)) throw new Error(`the SDK gave no stream for ${key}`);
      return { body: found.Body, size: found.ContentLength ?? 0, etag: found.ETag ?? "", metadata: found.Metadata ?? {} };
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw this.#explain(error, "read", key, "s3:GetObject");
    }
  }

  /** Writes a stream of any length in parts of 8 MiB, two at a time; when it fails or is aborted, nothing half-written is left. */
  async upload(key: string, body: Readable, options: { metadata?: Record<string, string>; signal?: AbortSignal } = {}): Promise<void> {
    const upload = new Upload({
      client: this.#client,
      params: { Bucket: this.#bucket, Key: this.#prefix + key, Body: body, ChecksumAlgorithm: "SHA256", Metadata: options.metadata ?? {} },
      partSize: 8 * 1024 * 1024,
      queueSize: 2,
      leavePartsOnError: false,
    });
    const abort = (): void => void upload.abort();
    options.signal?.addEventListener("abort", abort, { once: true });
    try {
      await upload.done();
    } catch (error) {
      throw this.#explain(error, "write", key, "s3:PutObject");
    } finally {
      options.signal?.removeEventListener("abort", abort);
    }
  }

  #explain(error: unknown, verb: string, key: string, permission: string): unknown {
    return explainAwsError(error, {
      doing: `${verb} ${key || "objects"} in ${this.address}`,
      permission: `${permission} on ${this.#bucket}`,
    });
  }
}

function clientConfig({ region, endpoint, credentials }: S3Settings): S3ClientConfig {
  return {
    region,
    maxAttempts: 4,
    ...(endpoint == null ? {} : { endpoint, forcePathStyle: true }),
    ...(credentials === undefined ? {} : { credentials }),
  };
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && (error.name === "NoSuchKey" || error.name === "NotFound");
}
