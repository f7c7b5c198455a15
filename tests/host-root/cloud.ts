import { randomBytes } from "node:crypto";
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { startAws } from "../../local/aws.ts";
import { startPostgres } from "../../local/postgres.ts";
import { scramVerifier } from "../../local/scram.ts";
import { S3ObjectStore } from "../../src/services/s3.ts";

/** What a host finds in its cloud: a database with an owner who is no superuser, as on RDS, buckets, and two secrets. */
export interface HostCloud {
  readonly settings: Readonly<Record<string, string>>;
  /** What the instance's role is on a host. Opens nothing but this cloud. */
  readonly credentials: Readonly<Record<string, string>>;
  /** The secrets' passwords: they must not be found in any file or output. */
  readonly passwords: readonly string[];
  /** The bucket of releases. */
  readonly store: S3ObjectStore;
  stop(): Promise<void>;
}

export async function startCloud(dir: string): Promise<HostCloud> {
  const postgres = await startPostgres({ dir });
  const aws = await startAws({ dir }).catch(async (error: unknown) => {
    await postgres.stop();
    throw error;
  });
  const [owner, airflow] = [randomBytes(20).toString("hex"), randomBytes(20).toString("hex")];
  const stop = async (): Promise<void> => {
    await Promise.all([aws.stop(), postgres.stop()]);
  };
  try {
    const client = await postgres.connect("postgres");
    await client.query(`CREATE ROLE data_pipeline LOGIN CREATEROLE CREATEDB PASSWORD '${scramVerifier(owner)}'`);
    await client.query("GRANT CONNECT ON DATABASE data_pipeline_db TO data_pipeline");
    appendFileSync(join(dir, "postgres", "pg_hba.conf"), "host all all 127.0.0.1/32 scram-sha-256\n");
    await client.query("SELECT pg_reload_conf()");
    await client.end();
    await aws.createBuckets("host-test-dags", "host-test-staging");
    const at = { engine: "postgres", host: postgres.host, port: postgres.port };
    const secret = (name: string, value: unknown): Promise<string> => createSecret(aws.endpoint, aws.region, name, value);
    return {
      settings: {
        REGION: aws.region,
        DAGS_BUCKET: "host-test-dags",
        STAGING_BUCKET: "host-test-staging",
        DATABASE_SECRET_ARN: await secret("host-test/connections/dagline_postgres", {
          ...at,
          dbname: "data_pipeline_db",
          username: "data_pipeline",
          password: owner,
        }),
        AIRFLOW_DATABASE_SECRET_ARN: await secret("host-test/airflow-database", {
          ...at,
          dbname: "airflow_host",
          username: "airflow_host",
          password: airflow,
        }),
        DATABASE_SSLMODE: "disable",
        AWS_ENDPOINT_URL: aws.endpoint,
      },
      credentials: { AWS_ACCESS_KEY_ID: aws.credentials.accessKeyId, AWS_SECRET_ACCESS_KEY: aws.credentials.secretAccessKey },
      passwords: [owner, airflow],
      store: new S3ObjectStore({ bucket: "host-test-dags", region: aws.region, endpoint: aws.endpoint, credentials: aws.credentials }),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** moto reads region and service of the signature, and does not check it. Answers the secret's ARN. */
async function createSecret(endpoint: string, region: string, name: string, value: unknown): Promise<string> {
  const response = await fetch(endpoint, {
    method: "POST",
    headers: {
      authorization: `AWS4-HMAC-SHA256 Credential=unchecked/20260101/${region}/secretsmanager/aws4_request, SignedHeaders=host, Signature=0`,
      "content-type": "application/x-amz-json-1.1",
      "x-amz-target": "secretsmanager.CreateSecret",
    },
    body: JSON.stringify({ Name: name, SecretString: JSON.stringify(value), ClientRequestToken: randomBytes(16).toString("hex") }),
  });
  const { ARN } = (await response.json()) as { ARN?: string };
  if (ARN === undefined) throw new Error(`moto made no secret: status ${response.status}`);
  return ARN;
}
