import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { ConnectionOptions } from "node:tls";
import { TransientError, UserError } from "../errors.ts";
import { networkTrouble } from "../network-errors.ts";
import type { SslMode } from "../task/document.ts";

export interface TlsSettings {
  readonly host: string;
  readonly port: number;
  readonly sslmode?: SslMode;
  readonly sslrootcert?: string;
}

/** As pg takes it: no TLS, or how. */
export type Tls = false | ConnectionOptions;

/**
 * Connects as libpq's word says (https://www.postgresql.org/docs/current/libpq-ssl.html, "SSL Mode Descriptions"): `allow` and `prefer` try
 * the other way when the server refuses the first. Throws what `connect` threw, and a UserError for a certificate that is not trusted.
 */
export async function connectByTls<T>(settings: TlsSettings, connect: (tls: Tls) => Promise<T>): Promise<T> {
  const refusals: unknown[] = [];
  for (const tls of await waysOf(settings)) {
    try {
      return await connect(tls);
    } catch (error) {
      // A server that can't be reached can't be reached in another way either.
      if (error instanceof TransientError) throw error;
      refusals.push(explainCertificate(error, settings));
    }
  }
  // That the server speaks no TLS tells nothing where it need not.
  throw refusals.findLast((error) => !(error instanceof Error && error.message.endsWith("does not speak TLS"))) ?? refusals.at(-1);
}

async function waysOf({ host, sslmode, sslrootcert }: TlsSettings): Promise<readonly Tls[]> {
  if (host.startsWith("/")) return [false]; // libpq, too, has no TLS over a socket
  const isHere = host === "localhost" || host === "::1" || host.startsWith("127.");
  const mode = sslmode ?? (sslrootcert === "system" ? "verify-full" : isHere ? "disable" : "require");
  if (mode === "disable") return [false];
  if (sslrootcert === "system" && mode !== "verify-full") {
    throw new UserError(`sslrootcert=system does not go with sslmode=${mode}`, {
      hint: "In the Airflow connection's extra, set sslmode to verify-full, or sslrootcert to the file of your own authority.",
    });
  }
  const ca = sslrootcert === undefined || sslrootcert === "system" ? undefined : await readAuthorities(sslrootcert);
  const anyName = { checkServerIdentity: () => undefined };
  const trusted: ConnectionOptions = { rejectUnauthorized: true, ...(ca === undefined ? {} : { ca }) };
  // With authorities at hand, libpq checks the certificate in every mode.
  const encrypted: ConnectionOptions = ca === undefined ? { rejectUnauthorized: false } : { ...trusted, ...anyName };
  switch (mode) {
    case "allow":
      return [false, encrypted];
    case "prefer":
      return [encrypted, false];
    case "require":
      return [encrypted];
    case "verify-ca":
      return [{ ...trusted, ...anyName }];
    case "verify-full":
      return [trusted];
  }
}

async function readAuthorities(path: string): Promise<string> {
  try {
    const pem = await readFile(path, "utf8");
    // Node takes a file without certificates for none at all, and would trust every public authority.
    new X509Certificate(pem);
    return pem;
  } catch (error) {
    throw new UserError(`the certificate authorities in ${path} can't be read: ${error instanceof Error ? error.message : String(error)}`, {
      hint: `It has to be a file of certificates in PEM on the host. ${whereItStands}`,
      cause: error,
    });
  }
}

const whereItStands = "sslrootcert is in the Airflow connection's extra, or else DATABASE_CA in the host's settings.";

function explainCertificate(error: unknown, { host, port }: TlsSettings): unknown {
  const trouble = networkTrouble(error);
  if (trouble?.kind !== "certificate" || error instanceof UserError) return error;
  const isOfAnotherName = error instanceof Error && "code" in error && error.code === "ERR_TLS_CERT_ALTNAME_INVALID";
  return new UserError(`the certificate of PostgreSQL at ${host}:${port} is not trusted: ${trouble.reason}`, {
    hint: isOfAnotherName
      ? "Set the connection's host to a name that the certificate has; for RDS, that is the instance's endpoint."
      : `Set sslrootcert to the file of the authority that signed it. ${whereItStands}`,
    cause: error,
  });
}
