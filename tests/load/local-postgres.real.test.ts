import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import pg from "pg";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { pythonBin } from "../../local/paths.ts";
import { type LocalPostgres, startPostgres } from "../../local/postgres.ts";
import { rejects } from "../rejects.ts";

const dir = mkdtempSync(join(tmpdir(), "dagline-test-"));
let postgres: LocalPostgres | undefined;

test.before(async () => {
  postgres = await startPostgres({ dir, settings: { fsync: "off" } });
});

test.after(async () => {
  await postgres?.stop();
  rmSync(dir, { recursive: true, force: true });
});

function running(): LocalPostgres {
  assert.ok(postgres);
  return postgres;
}

test("Airflow's two drivers connect over the socket without a password", async () => {
  const { socketDir, port } = running();
  const script = `
import asyncio, sys
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine
query = f"airflow@/airflow?host={sys.argv[1]}&port={sys.argv[2]}"
print(create_engine("postgresql+psycopg2://" + query).connect().execute(text("select current_user")).scalar())
async def main():
    engine = create_async_engine("postgresql+asyncpg://" + query)
    async with engine.connect() as connection:
        print((await connection.execute(text("select current_user"))).scalar())
    await engine.dispose()
asyncio.run(main())
`;
  const { stdout } = await promisify(execFile)(join(pythonBin, "python"), ["-c", script, socketDir, String(port)]);
  assert.is(stdout, "airflow\nairflow\n");
});

test("by TCP only the loader logs in, with the password that the server has never seen", async () => {
  const { host, port, setRandomPassword, service } = running();
  const password = await setRandomPassword("dagline_loader");
  assert.is(password.length, 43);
  const client = new pg.Client({ host, port, user: "dagline_loader", password, database: "data_pipeline_db" });
  await client.connect();
  await client.end();
  const wrong = new pg.Client({ host, port, user: "dagline_loader", password: "no", database: "data_pipeline_db" });
  await rejects(wrong.connect(), /password authentication failed/);
  const other = new pg.Client({ host, port, user: "airflow", password, database: "airflow" });
  await rejects(other.connect(), /no pg_hba.conf entry/);
  assert.not(readFileSync(service.logFile, "utf8").includes(password));
});

test("the loader cannot read Airflow's database", async () => {
  await rejects(running().connect("airflow", "dagline_loader"), /permission denied/);
});

test("killed with -9 and started again, it has its data and takes the next free port", async () => {
  const first = running();
  const client = await first.connect("data_pipeline_db", "dagline_loader");
  client.on("error", () => {});
  await client.query("CREATE TABLE kept AS SELECT 1 AS one");
  process.kill(-first.service.pid, "SIGKILL");
  await first.service.exited;
  postgres = await startPostgres({ dir, port: first.port, settings: { fsync: "off" } });
  const again = await postgres.connect("data_pipeline_db", "dagline_loader");
  assert.equal((await again.query("SELECT one FROM kept")).rows, [{ one: 1 }]);
  await again.end();
});

test("a second server on the same data is refused", async () => {
  await rejects(startPostgres({ dir }), /already running/);
});

test.run();
