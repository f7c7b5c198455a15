import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { SignatureV4 } from "@smithy/signature-v4";

interface Request {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** How long a signature holds, as at AWS. */
const FIFTEEN_MINUTES = 15 * 60 * 1000;

/**
 * Whether a request carries a valid AWS Signature Version 4 made with these credentials: it is signed again here from the headers
 * that it says it signed, and the two are compared. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
 */
export async function isSignedBy(credentials: Credentials, region: string, service: string, request: Request): Promise<boolean> {
  const given = request.headers.authorization ?? "";
  const match = /^AWS4-HMAC-SHA256 Credential=[^,]+, SignedHeaders=([a-z0-9;-]+), Signature=[0-9a-f]{64}$/.exec(given);
  const date = parseAmzDate(request.headers["x-amz-date"]);
  if (match === null || date === undefined || Math.abs(Date.now() - date.getTime()) > FIFTEEN_MINUTES) return false;
  const signedHeaders = (match[1] ?? "").split(";");
  if (!signedHeaders.includes("host")) return false;
  // The signer believes this header; what was signed is the body only if the header is the body's digest.
  const digest = request.headers["x-amz-content-sha256"];
  if (digest !== undefined && digest !== createHash("sha256").update(request.body).digest("hex")) return false;
  // Signed, too, must be what says which operation it is: else a request that was overheard could be turned into another.
  if (request.headers["x-amz-target"] !== undefined && !signedHeaders.includes("x-amz-target")) return false;
  const headers = Object.fromEntries(signedHeaders.map((name) => [name, String(request.headers[name] ?? "")]));
  const [hostname = "", port] = (request.headers.host ?? "").split(":");
  const signer = new SignatureV4({ credentials, region, service, sha256: Sha256Hash });
  const again = await signer.sign(
    {
      protocol: "http:",
      hostname,
      ...(port === undefined ? {} : { port: Number(port) }),
      method: request.method,
      path: request.path,
      query: {},
      headers,
      body: request.body,
    },
    { signingDate: date },
  );
  const [mine, theirs] = [Buffer.from(again.headers.authorization ?? ""), Buffer.from(given)];
  return mine.length === theirs.length && timingSafeEqual(mine, theirs);
}

function parseAmzDate(text: string | string[] | undefined): Date | undefined {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(String(text));
  if (match === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1).map(Number);
  return new Date(Date.UTC(year, month - 1, day, hour, minute, second));
}

type Source = string | ArrayBuffer | ArrayBufferView;

/** Node's SHA-256 in the form that the signer asks for. */
class Sha256Hash {
  readonly #secret: Source | undefined;
  #hash: ReturnType<typeof createHash> | ReturnType<typeof createHmac>;

  constructor(secret?: Source) {
    this.#secret = secret;
    this.#hash = this.#begin();
  }

  update(data: Source): void {
    this.#hash.update(toBytes(data));
  }

  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest());
  }

  reset(): void {
    this.#hash = this.#begin();
  }

  #begin(): ReturnType<typeof createHash> | ReturnType<typeof createHmac> {
    return this.#secret === undefined ? createHash("sha256") : createHmac("sha256", toBytes(this.#secret));
  }
}

function toBytes(data: Source): Uint8Array {
  if (typeof data === "string") return Buffer.from(data);
  return ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array(data);
}
