import { execFileSync } from "node:child_process";
import { chownSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type pg from "pg";
import { pythonBin } from "../local/paths.ts";
import { until } from "./until.ts";

/** Lets the server speak TLS with a new certificate for `localhost`, which it writes to that file too. */
export async function turnOnTls(admin: pg.Client, certificate: string): Promise<void> {
  const data = await dataFolder(admin);
  const key = join(data, "server.key");
  makeCertificate(certificate, key);
  writeFileSync(join(data, "server.crt"), readFileSync(certificate));
  // The server reads its key only where it is its own alone.
  execFileSync("chmod", ["600", key]);
  const { uid, gid } = statSync(data);
  for (const file of [key, join(data, "server.crt")]) chownSync(file, uid, gid);
  await admin.query("ALTER SYSTEM SET ssl = on");
  await admin.query("SELECT pg_reload_conf()");
  await until("TLS", async () => (await admin.query<{ ssl: string }>("SHOW ssl")).rows[0]?.ssl === "on");
}

export async function dataFolder(admin: pg.Client): Promise<string> {
  return (await admin.query<{ data_directory: string }>("SHOW data_directory")).rows[0]?.data_directory ?? "";
}

/** A certificate for the host `localhost` that is its own authority, of that name. */
export function makeCertificate(certificate: string, key: string, authority = "localhost"): void {
  execFileSync(join(pythonBin, "python"), ["-c", script, certificate, key, authority]);
}

const script = `
import datetime, sys
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
key = ec.generate_private_key(ec.SECP256R1())
name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, sys.argv[3])])
now = datetime.datetime.now(datetime.timezone.utc)
certificate = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
    .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
    .add_extension(x509.BasicConstraints(ca=True, path_length=None), True).sign(key, hashes.SHA256()))
pem = serialization.Encoding.PEM
open(sys.argv[1], "wb").write(certificate.public_bytes(pem))
open(sys.argv[2], "wb").write(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
`;
