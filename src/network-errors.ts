/** Node's and undici's codes for a network, or a server at its other end, that fails: https://nodejs.org/api/errors.html#common-system-errors */
const passing = /^(ECONN\w+|ENET\w+|EHOST\w+|EAI_\w+|EPIPE|ETIMEDOUT|ENOTFOUND|EADDRNOTAVAIL|ERR_SOCKET_\w+|UND_ERR_\w+|HPE_\w+)$/;
/** Some errors have words only. */
const passingWords = /^(aborted|terminated|socket hang up|other side closed)$|socket disconnected|premature close/i;
/** OpenSSL's words for a certificate that is not trusted: https://nodejs.org/api/tls.html#x509-certificate-error-codes */
const certificate =
  /^(CERT_\w+|UNABLE_TO_\w+|SELF_SIGNED_\w+|DEPTH_ZERO_\w+|INVALID_CA|HOSTNAME_MISMATCH|ERR_TLS_CERT_\w+|INVALID_PURPOSE)$/;

export interface NetworkTrouble {
  /** `certificate`: the server's certificate is not trusted, which no further try changes. */
  readonly kind: "passing" | "certificate";
  /** What happened, for people: the innermost message, or the code where there is none. */
  readonly reason: string;
}

/** Whether the network failed, or the server's certificate; undefined for any other error. fetch hides what happened in `cause`, a dual-stack connect in `errors`. */
export function networkTrouble(error: unknown, depth = 0): NetworkTrouble | undefined {
  if (!(error instanceof Error) || depth > 10) return undefined;
  for (const inner of [error.cause, ...(error instanceof AggregateError ? (error.errors as unknown[]) : [])]) {
    const found = networkTrouble(inner, depth + 1);
    if (found !== undefined) return found;
  }
  const code = "code" in error ? String(error.code) : "";
  const reason = error.message === "" ? code : error.message;
  if (certificate.test(code)) return { kind: "certificate", reason };
  return passing.test(code) || passingWords.test(error.message) ? { kind: "passing", reason } : undefined;
}
