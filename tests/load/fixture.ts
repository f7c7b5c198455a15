import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import type pg from "pg";
import { type LocalPostgres, startPostgres } from "../../local/postgres.ts";
import { sha256 } from "../../src/ids.ts";
import type { LoadDatabase } from "../../src/load/database.ts";
import { loadFile } from "../../src/load/load-file.ts";
import type { LoadFile, LoadRequest, LoadResult } from "../../src/load/request.ts";
import { silentLog } from "../../src/log.ts";
import type { Field, FieldType } from "../../src/scrape/model.ts";
import { connectPostgres } from "../../src/services/postgres.ts";

const plain = { precision: null, scale: null };

/** `{ id: "INTEGER", fare: "NUMERIC" }` as fields. */
export function fieldsOf(types: Readonly<Record<string, FieldType["name"] | FieldType>>): Field[] {
  return Object.entries(types).map(([name, type]) => ({
    name,
    type: typeof type === "string" ? typeNamed(type) : type,
    description: null,
  }));
}

/** A staged file that holds `text`. */
export function csvFile(text: string, key = "rows.csv"): LoadFile {
  return bytesFile(Buffer.from(text), key);
}

/** Given out in pieces of `size` bytes. */
export function bytesFile(bytes: Buffer, key = "rows.csv", size = 64 * 1024): LoadFile {
  const pieces = function* (): Generator<Buffer> {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  };
  return { key, sha256: sha256(bytes), rows: null, open: async () => Readable.from(pieces(), { objectMode: false }) };
}

export const aRequest: LoadRequest = {
  dag: "trips_dag",
  task: "load_trips",
  runId: "manual__1",
  mapIndex: -1,
  release: "r".repeat(64),
  commit: null,
  executionDate: "2023-01-29T09:00:00Z",
  runDate: "2023-02-28T09:00:00Z",
  month: null,
  table: "trips",
  mode: { kind: "append", slice: null },
  sliceTemplate: null,
  fields: fieldsOf({ id: "INTEGER", name: "TEXT" }),
  maxBadRows: 0,
  code: "c".repeat(64),
  confirms: {},
  adopts: { tasks: [], slices: [] },
  overwriteNewer: false,
  files: [],
};

/** One PostgreSQL for a test file, with a connection that looks at what the loads left. */
export class TestDatabase {
  readonly postgres: LocalPostgres;
  readonly admin: pg.Client;
  readonly #dir: string;

  private constructor(dir: string, postgres: LocalPostgres, admin: pg.Client) {
    this.#dir = dir;
    this.postgres = postgres;
    this.admin = admin;
  }

  static async start(settings: Readonly<Record<string, string>> = {}): Promise<TestDatabase> {
    const dir = mkdtempSync(join(tmpdir(), "dagline-test-"));
    try {
      const postgres = await startPostgres({ dir, settings: { fsync: "off", ...settings } });
      return new TestDatabase(dir, postgres, await postgres.connect("data_pipeline_db"));
    } catch (error) {
      rmSync(dir, { recursive: true, force: true });
      throw error;
    }
  }

  connect(): Promise<LoadDatabase> {
    const { socketDir, port } = this.postgres;
    return connectPostgres({ host: socketDir, port, dbname: "data_pipeline_db", user: "dagline_loader", password: null });
  }

  /** Loads over a connection of its own, as a task does. `warnings` takes what the log warns of. */
  async load(request: Partial<LoadRequest>, warnings: string[] = []): Promise<LoadResult> {
    const database = await this.connect();
    const log = { ...silentLog, warn: (text: string) => void warnings.push(text) };
    try {
      return await loadFile({ ...aRequest, ...request }, database, log);
    } finally {
      await database.end();
    }
  }

  /** The rows of a query, each as a list of values. */
  async rows(sql: string): Promise<unknown[][]> {
    return (await this.admin.query<unknown[]>({ text: sql, rowMode: "array" })).rows;
  }

  async stop(): Promise<void> {
    await this.admin.end();
    await this.postgres.stop();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

function typeNamed(name: FieldType["name"]): FieldType {
  if (name === "NUMERIC") return { name, ...plain };
  return name === "VARCHAR" ? { name, length: 100 } : { name };
}
