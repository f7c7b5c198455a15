import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { BucketAlreadyOwnedByYou, CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import getPort from "get-port";
import { pythonBin } from "./paths.ts";
import { type Service, startService, waitUntilReady } from "./process.ts";

/**
 * moto's server: S3 and more of AWS's APIs on this machine. What it stores ends with it: objects lie in temporary files, but while one
 * is put together from its parts or read, moto holds it in memory, about 2.4 times its size at worst. It does not check signatures.
 */
export interface LocalAws {
  readonly endpoint: string;
  readonly region: string;
  /** Made up for this run. */
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly service: Service;
  /** Makes buckets; those that exist are left as they are. */
  createBuckets(...names: string[]): Promise<void>;
  stop(): Promise<void>;
}

/** Starts moto on a free port of 127.0.0.1; `dir` holds its log and its temporary files. `script`: Python that takes its server's place. */
export async function startAws({ dir, port, script }: { dir: string; port?: number; script?: string }): Promise<LocalAws> {
  const chosen = await getPort(port === undefined ? { host: "127.0.0.1" } : { port, host: "127.0.0.1" });
  const temporary = join(dir, "moto");
  mkdirSync(temporary, { recursive: true });
  const service = startService({
    name: "moto",
    command: join(pythonBin, "python"),
    args: [script ?? join(pythonBin, "moto_server"), "-H", "127.0.0.1", "-p", String(chosen)],
    env: { PATH: process.env.PATH, TMPDIR: temporary, MOTO_ENABLE_ISO_REGIONS: "false", PYTHONWARNINGS: "ignore" },
    dir,
  });
  const endpoint = `http://127.0.0.1:${chosen}`;
  await waitUntilReady(service, async () => (await fetch(`${endpoint}/moto-api/data.json`)).ok, 60);
  const region = "eu-west-2";
  const credentials = { accessKeyId: "AKIADAGLINELOCAL0000", secretAccessKey: randomBytes(30).toString("base64url") };
  const client = new S3Client({ region, endpoint, credentials, forcePathStyle: true });
  return {
    endpoint,
    region,
    credentials,
    service,
    stop: () => service.stop(),
    async createBuckets(...names) {
      for (const Bucket of names) {
        try {
          await client.send(new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { LocationConstraint: region } }));
        } catch (error) {
          if (!(error instanceof BucketAlreadyOwnedByYou)) throw error;
        }
      }
    },
  };
}
