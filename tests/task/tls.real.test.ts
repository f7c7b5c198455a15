import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type pg from "pg";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type LocalPostgres, startPostgres } from "../../local/postgres.ts";
import { UserError } from "../../src/errors.ts";
import { connectPostgres, type PostgresSettings } from "../../src/services/postgres.ts";
import { dataFolder, makeCertificate, turnOnTls } from "../postgres-tls.ts";
import { until } from "../until.ts";

const dir = mkdtempSync(join(tmpdir(), "dagline-tls-"));
let postgres: LocalPostgres;
let admin: pg.Client;
let settings: PostgresSettings;

test.before(async () => {
  postgres = await startPostgres({ dir, settings: { fsync: "off" } });
  admin = await postgres.connect("postgres");
  const password = await postgres.setRandomPassword("dagline_loader");
  settings = { host: "127.0.0.1", port: postgres.port, dbname: "data_pipeline_db", user: "dagline_loader", password };
});
test.after(async () => {
  await admin?.end();
  await postgres?.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** Whether the connection came about by TLS, or why it did not. */
async function connect(more: Partial<PostgresSettings>): Promise<boolean | string> {
  try {
    const connection = await connectPostgres({ ...settings, ...more });
    const { rows } = await connection.query<{ ssl: boolean }>("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()");
    await connection.end();
    return rows[0]?.ssl ?? "no row";
  } catch (error) {
    assert.instance(error, UserError);
    const { message, hint } = error as UserError;
    return `${message} ${hint}`;
  }
}

async function expect(cases: readonly (readonly [Partial<PostgresSettings>, boolean | RegExp])[]): Promise<void> {
  for (const [more, expected] of cases) {
    const found = await connect(more);
    if (expected instanceof RegExp) assert.match(String(found), expected, JSON.stringify(more));
    else assert.is(found, expected, JSON.stringify(more));
  }
}

test("with a server without TLS, only the words that ask for it fail", async () => {
  const refused = /does not speak TLS /;
  await expect([
    [{ sslmode: "disable" }, false],
    [{ sslmode: "allow" }, false],
    [{ sslmode: "prefer" }, false],
    [{ sslmode: "require" }, refused],
    [{ sslmode: "verify-ca" }, refused],
    [{ sslmode: "verify-full" }, refused],
    [{ sslmode: "allow", password: "wrong" }, /does not accept the password/],
  ]);
});

test("with a server that has TLS, each word means what it means to libpq", async () => {
  const [certificate, other] = [join(dir, "server.crt"), join(dir, "other.crt")];
  await turnOnTls(admin, certificate);
  makeCertificate(other, join(dir, "other.key"), "another authority");
  const [both, empty] = [join(dir, "both.crt"), join(dir, "empty.crt")];
  writeFileSync(both, readFileSync(other, "utf8") + readFileSync(certificate, "utf8"));
  writeFileSync(empty, "");
  const untrusted = /^the certificate of PostgreSQL at \S+ is not trusted: .* Set sslrootcert to the file of the authority /;
  const otherName = /is not trusted: .*does not match .* Set the connection's host to a name that the certificate has/;
  await expect([
    [{ sslmode: "disable" }, false],
    [{ sslmode: "allow" }, false],
    [{ sslmode: "prefer" }, true],
    [{ sslmode: "prefer", password: "wrong" }, /does not accept the password/],
    [{ sslmode: "require" }, true],
    [{ sslmode: "require", sslrootcert: other }, untrusted],
    [{ sslmode: "verify-ca" }, untrusted],
    [{ sslmode: "verify-ca", sslrootcert: certificate }, true],
    [{ sslmode: "verify-ca", sslrootcert: other }, untrusted],
    [{ sslmode: "verify-full", sslrootcert: certificate }, otherName],
    [{ sslmode: "verify-full", sslrootcert: certificate, host: "localhost" }, true],
    [{ sslmode: "verify-full", sslrootcert: both, host: "localhost" }, true],
    [{ sslmode: "verify-full", sslrootcert: other, host: "localhost" }, untrusted],
    [{ sslmode: "verify-full", sslrootcert: empty, host: "localhost" }, /authorities in .*empty.crt can't be read: /],
    [{ sslmode: "verify-full", sslrootcert: "system", host: "localhost" }, untrusted],
    [{ sslrootcert: "system", host: "localhost" }, untrusted],
    [{ sslmode: "require", sslrootcert: "system" }, /sslrootcert=system does not go with sslmode=require/],
    [{ sslmode: "verify-ca", sslrootcert: join(dir, "none") }, /authorities in .*none can't be read/],
    [{ host: postgres.socketDir, password: null, sslmode: "verify-full" }, false],
  ]);
});

test("where the server lets nobody in without TLS, `allow` asks for it", async () => {
  const file = join(await dataFolder(admin), "pg_hba.conf");
  writeFileSync(file, readFileSync(file, "utf8").replace("\nhost all", "\nhostssl all"));
  await admin.query("SELECT pg_reload_conf()");
  await until("the new rules", async () => (await connect({ sslmode: "disable" })) !== false);
  await expect([
    [{ sslmode: "disable" }, /does not let user dagline_loader log in/],
    [{ sslmode: "allow" }, true],
    [{ sslmode: "prefer" }, true],
  ]);
});

test.run();
