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
import { TransientError, UserError } from "../errors.ts";
import { parseSha256, type Sha256 } from "../ids.ts";
import { type AwsSettings, clientConfig, renewsCredentials } from "./aws-client.ts";
import { explainAwsError } from "./aws-errors.ts";
import { readResuming } from "./resuming.ts";

export interface S3Settings extends AwsSettings {
  readonly bucket: string;
  /** Put before every key, with a `/` between them. */
  readonly prefix?: string;
  /** Told of every HTTP request, for tests that count them. */
  readonly onRequest?: (method: string, path: string) => void;
  /** How long a connection may be silent, and how long a download that breaks again waits; default: 60 s and half a second. */
  readonly patience?: { readonly silenceMs: number; readonly resumeMs: number };
}

interface OpenObject {
  readonly body: Readable;
  readonly size: number;
  readonly etag: string;
  readonly metadata: Record<string, string>;
}

const PATIENCE = { silenceMs: 60_000, resumeMs: 500 };

/** Without s3:ListBucket, S3 answers "access denied" where there is no object. */
const READ = "s3:GetObject, and s3:ListBucket,";

/** A bucket, over @aws-sdk/client-s3. Its own retries apply; what is left is a UserError or a TransientError that says what to do. */
export class S3ObjectStore implements ObjectStore {
  readonly address: string;
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #prefix: string;
  readonly #resumeMs: number;

  constructor(settings: S3Settings) {
    this.#bucket = settings.bucket;
    this.#prefix = (settings.prefix ?? "").replace(/([^/])$/, "$1/");
    this.address = `s3://${this.#bucket}/${this.#prefix}`;
    this.#client = new S3Client(s3Config(settings));
    this.#resumeMs = (settings.patience ?? PATIENCE).resumeMs;
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
    const found = await this.#open(key);
    if (found === undefined) return undefined;
    try {
      return { body: await buffer(found.body), etag: found.etag, metadata: found.metadata };
    } catch (error) {
      throw await this.#explain(error, "read", key, READ);
    }
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
      throw await this.#explain(error, "look at", key, READ);
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
      throw await this.#explain(error, "write", key, "s3:PutObject");
    }
  }

  async *list(prefix: string): AsyncGenerator<{ key: string; size: number }> {
    try {
      for await (const page of paginateListObjectsV2({ client: this.#client }, { Bucket: this.#bucket, Prefix: this.#prefix + prefix })) {
        for (const { Key, Size } of page.Contents ?? []) yield { key: (Key ?? "").slice(this.#prefix.length), size: Size ?? 0 };
      }
    } catch (error) {
      throw await this.#explain(error, "list", prefix, "s3:ListBucket");
    }
  }

  /** Streams an object; undefined when there is none. A connection that breaks on the way is opened again where it broke. */
  async download(key: string): Promise<OpenObject | undefined> {
    const first = await this.#open(key);
    return first === undefined ? undefined : { ...first, body: Readable.from(this.#read(key, first), { objectMode: false }) };
  }

  async *#read(key: string, { body, size, etag }: OpenObject): AsyncGenerator<Buffer> {
    const open = async (from: number): Promise<Readable> => {
      const rest = await this.#open(key, { from, etag });
      if (rest === undefined) throw new UserError(`${key} in ${this.address} was deleted while it was read`, { hint: "Write it again." });
      return rest.body;
    };
    try {
      yield* readResuming(body, { size, open, delayMs: this.#resumeMs });
    } catch (error) {
      throw await this.#explain(error, "read", key, READ);
    }
  }

  /** `rest`: only the bytes from an offset on, of the version that has this ETag. */
  async #open(key: string, rest?: { readonly from: number; readonly etag: string }): Promise<OpenObject | undefined> {
    try {
      const found = await this.#client.send(
        new GetObjectCommand({
          Bucket: this.#bucket,
          Key: this.#prefix + key,
          ...(rest === undefined ? {} : { Range: `bytes=${rest.from}-`, IfMatch: rest.etag }),
        }),
      );
      if (!(found.Body instanceof Readable)) throw new Error(`the SDK gave no stream for ${key}`);
      return { body: found.Body, size: found.ContentLength ?? 0, etag: found.ETag ?? "", metadata: found.Metadata ?? {} };
    } catch (error) {
      if (isMissing(error)) return undefined;
      if (error instanceof Error && error.name === "PreconditionFailed")
        throw new UserError(`${key} in ${this.address} was replaced while it was read`, {
          hint: "Clear the task that wrote it.",
          cause: error,
        });
      throw await this.#explain(error, "read", key, READ);
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
      throw await this.#explain(error, "write", key, "s3:PutObject");
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  async #explain(error: unknown, verb: string, key: string, permission: string): Promise<unknown> {
    return explainAwsError(error, {
      doing: `${verb} ${key || "objects"} in ${this.address}`,
      permission: `${permission} on ${this.#bucket}`,
      renews: await renewsCredentials(this.#client),
    });
  }
}

function s3Config(settings: S3Settings): S3ClientConfig {
  return {
    ...clientConfig(settings),
    requestHandler: { connectionTimeout: 5_000, socketTimeout: (settings.patience ?? PATIENCE).silenceMs },
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
