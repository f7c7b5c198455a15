import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { pythonBin, root } from "../../local/paths.ts";
import { type LocalPostgres, startPostgres } from "../../local/postgres.ts";

const dir = mkdtempSync(join(tmpdir(), "dagline-make-database-"));
let postgres: LocalPostgres;

test.before(async () => {
  postgres = await startPostgres({ dir, settings: { fsync: "off" } });
});
test.after(async () => {
  await postgres.stop();
  rmSync(dir, { recursive: true, force: true });
});

test("Airflow's database is nobody else's, also when it is made in two goes because the first was killed", async () => {
  const client = await postgres.connect("postgres");
  try {
    await client.query("CREATE ROLE one LOGIN; CREATE ROLE two LOGIN");
    await client.query("CREATE DATABASE two OWNER two ALLOW_CONNECTIONS false"); // killed after its first statement
    assert.is(makeDatabase("one"), "made the database one\n");
    assert.is(makeDatabase("one"), "");
    assert.is(makeDatabase("two"), "");
    const rights = `SELECT datname, datallowconn, has_database_privilege('dagline_loader', oid, 'CONNECT') AS others,
      has_database_privilege(datname::text, oid, 'CONNECT') AS own FROM pg_database WHERE datname IN ('one', 'two') ORDER BY 1`;
    const right = { datallowconn: true, others: false, own: true };
    assert.equal((await client.query(rights)).rows, [
      { datname: "one", ...right },
      { datname: "two", ...right },
    ]);
  } finally {
    await client.end();
  }
});

/** What make_database.py prints of the database and role of that name. */
function makeDatabase(name: string): string {
  const script = `
import sys
sys.path.insert(0, "infra/host")
import make_database, psycopg2
connection = psycopg2.connect(host=sys.argv[1], port=sys.argv[2], dbname="postgres", user="postgres")
connection.autocommit = True
make_database._make_database(connection.cursor(), {"dbname": sys.argv[3], "username": sys.argv[3]})
`;
  const python = join(pythonBin, "python");
  const { stdout, stderr, status } = spawnSync(python, ["-B", "-c", script, postgres.socketDir, String(postgres.port), name], {
    cwd: root,
    encoding: "utf8",
  });
  assert.is(status, 0, stderr);
  return stdout;
}

test.run();
