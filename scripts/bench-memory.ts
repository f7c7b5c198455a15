import { createReadStream, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startAws } from "../local/aws.ts";
import type { LocalPostgres } from "../local/postgres.ts";
import { S3ObjectStore } from "../src/services/s3.ts";
import type { LoadSpec } from "../src/task/spec.ts";
import { parseStagedReference } from "../src/task/staged-file.ts";
import { makeReleaseFolder, startTask } from "../tests/task/runner.ts";
import { type TripFile, tripFields } from "./bench-trips.ts";
import { benchDatabase, benchRole } from "./psql-copy.ts";

/** The resident memory that a load's task takes at most, from an S3 server, file by file. Returns the line to print. */
export async function benchMemory(server: LocalPostgres, dir: string, files: readonly TripFile[]): Promise<string> {
  const aws = await startAws({ dir });
  try {
    await aws.createBuckets("staging");
    const { region, endpoint, credentials } = aws;
    const credentialsFile = join(dir, "credentials");
    const { accessKeyId, secretAccessKey } = credentials;
    writeFileSync(credentialsFile, `[default]\naws_access_key_id=${accessKeyId}\naws_secret_access_key=${secretAccessKey}\n`, {
      mode: 0o600,
    });
    const staging = new S3ObjectStore({ bucket: "staging", region, endpoint, credentials });
    const password = await server.setRandomPassword(benchRole);
    const database = { host: server.host, port: server.port, dbname: benchDatabase, user: benchRole, password };
    const peaks: string[] = [];
    for (const [index, { path, sha256 }] of files.entries()) {
      const key = `staging/demo/extract_x/${"0".repeat(16)}/demo_extract_x_2023010${index + 1}T000000Z.csv`;
      await staging.upload(key, createReadStream(path), {});
      const spec: LoadSpec = {
        kind: "load",
        table: "bench_memory",
        mode: { kind: "append", slice: null },
        params: {},
        max_bad_rows: 0,
        fields: tripFields,
        dependencies: ["extract_x"],
        confirms: [],
      };
      const reference = parseStagedReference({ task: "extract_x", key, sha256, size: statSync(path).size, rows: null, rows_digest: null });
      const task = {
        release_dir: makeReleaseFolder(dir, { load_x: spec }, ""),
        task: "load_x",
        run_id: `run-${index}`,
        upstream: [reference],
        database,
      };
      const { code, log, peakMegabytes } = await startTask(dir, aws, credentialsFile, task).ended;
      if (code !== 0) throw new Error(`the load of ${path} ended with exit code ${code}\n${log}`);
      peaks.push(`${peakMegabytes.toFixed(0)} MB`);
    }
    return `memory of a load from S3: ${peaks.join(", then ")} (at most 160)`;
  } finally {
    await aws.stop();
  }
}
