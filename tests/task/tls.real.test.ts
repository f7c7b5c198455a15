import { execFileSync } from "node:child_process";
import { chownSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type pg from "pg";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { pythonBin } from "../../local/paths.ts";
import { type LocalPostgres, startPostgres } from "../../local/postgres.ts";
import { UserError } from "../../src/errors.ts";
import { connectPostgres, type PostgresSettings } from "../../src/services/postgres.ts";
import { until } from "../until.ts";

const dir = mkdtempSync(join(tmpdir(), "dagline-tls-"));
let postgres: LocalPostgres;
let admin: pg.Client;
let settings: PostgresSettings;

/** A certificate for `localhost` that is its own authority. */
const makeCertificate = `
import datetime, sys
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
key = ec.generate_private_key(ec.SECP256R1())
name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
now = datetime.datetime.now(datetime.timezone.utc)
certificate = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
    .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
    .add_extension(x509.BasicConstraints(ca=True, path_length=None), True).sign(key, hashes.SHA256()))
pem = serialization.Encoding.PEM
open(sys.argv[1], "wb").write(certificate.public_bytes(pem))
open(sys.argv[2], "wb").write(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
`;

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
    return (error as UserError).message;
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
  const refused = /does not speak TLS$/;
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
  await turnOnTls(certificate);
  execFileSync(join(pythonBin, "python"), ["-c", makeCertificate, other, join(dir, "other.key")]);
  const untrusted = /^the certificate of PostgreSQL at \S+ is not trusted: /;
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
    [{ sslmode: "verify-full", sslrootcert: certificate }, /is not trusted: .*does not match/],
    [{ sslmode: "verify-full", sslrootcert: certificate, host: "localhost" }, true],
    [{ sslmode: "verify-full", sslrootcert: "system", host: "localhost" }, untrusted],
    [{ sslrootcert: "system", host: "localhost" }, untrusted],
    [{ sslmode: "require", sslrootcert: "system" }, /sslrootcert=system does not go with sslmode=require/],
    [{ sslmode: "verify-ca", sslrootcert: join(dir, "none") }, /authorities in .*none can't be read/],
    [{ host: postgres.socketDir, password: null, sslmode: "verify-full" }, false],
  ]);
});

test("where the server lets nobody in without TLS, `allow` asks for it", async () => {
  const file = join(await dataFolder(), "pg_hba.conf");
  writeFileSync(file, readFileSync(file, "utf8").replace("\nhost all", "\nhostssl all"));
  await admin.query("SELECT pg_reload_conf()");
  await until("the new rules", async () => (await connect({ sslmode: "disable" })) !== false);
  await expect([
    [{ sslmode: "disable" }, /does not let user dagline_loader log in/],
    [{ sslmode: "allow" }, true],
    [{ sslmode: "prefer" }, true],
  ]);
});

async function dataFolder(): Promise<string> {
  return (await admin.query<{ data_directory: string }>("SHOW data_directory")).rows[0]?.data_directory ?? "";
}

async function turnOnTls(certificate: string): Promise<void> {
  const data = await dataFolder();
  const key = join(data, "server.key");
  execFileSync(join(pythonBin, "python"), ["-c", makeCertificate, certificate, key]);
  writeFileSync(join(data, "server.crt"), readFileSync(certificate));
  // The server reads its key only where it is its own alone.
  execFileSync("chmod", ["600", key]);
  const { uid, gid } = statSync(data);
  for (const file of [key, join(data, "server.crt")]) chownSync(file, uid, gid);
  await admin.query("ALTER SYSTEM SET ssl = on");
  await admin.query("SELECT pg_reload_conf()");
  await until("TLS", async () => (await admin.query<{ ssl: string }>("SHOW ssl")).rows[0]?.ssl === "on");
}

test.run();
