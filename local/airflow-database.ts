import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { UserError } from "../src/errors.ts";
import { sha256 } from "../src/ids.ts";
import type { AirflowDatabase } from "./airflow.ts";
import { pythonBin, root } from "./paths.ts";
import { startService } from "./process.ts";

interface Migration {
  /** The stack's folder. */
  readonly dir: string;
  readonly airflowHome: string;
  readonly database: AirflowDatabase;
  readonly env: NodeJS.ProcessEnv;
  readonly note: (text: string) => void;
}

/** Brings Airflow's tables to the version of the locked packages. Does nothing when they are: that saves most of Airflow's start. */
export async function migrateAirflow(migration: Migration): Promise<void> {
  const stampFile = join(migration.airflowHome, "schema.json");
  const packages = sha256(readFileSync(join(root, "airflow", "requirements.lock")));
  const stampOf = (revision: string | null): string => JSON.stringify({ packages, revision });
  const revision = await schemaRevision(migration.database);
  if (revision !== null && readOrEmpty(stampFile) === stampOf(revision)) return;

  migration.note("making its tables");
  const { dir, env } = migration;
  const service = startService({
    name: "airflow-db-migrate",
    command: join(pythonBin, "airflow"),
    args: ["db", "migrate"],
    env,
    cwd: dir,
    dir,
  });
  const { code, signal } = await service.exited;
  if (code !== 0) {
    throw new UserError(`airflow db migrate failed (${signal ?? `exit code ${code}`})`, { hint: `Its log: ${service.logFile}` });
  }
  writeFileSync(stampFile, stampOf(await schemaRevision(migration.database)));
}

/** The revision that the database itself names, or null when Airflow has no tables in it. */
async function schemaRevision(database: AirflowDatabase): Promise<string | null> {
  const client = new pg.Client({ host: database.socketDir, port: database.port, user: "airflow", database: "airflow" });
  await client.connect();
  try {
    const table = await client.query<{ there: boolean }>("SELECT to_regclass('alembic_version') IS NOT NULL AS there");
    if (table.rows[0]?.there !== true) return null;
    const { rows } = await client.query<{ version_num: string }>("SELECT version_num FROM alembic_version");
    return rows[0]?.version_num ?? null;
  } finally {
    await client.end();
  }
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
