/** Which AWS a client speaks to. */
export interface AwsSettings {
  readonly region: string;
  /** Another address than AWS's own. */
  readonly endpoint?: string | null;
  /** Without them, the SDK's own chain: environment, profile, instance role. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** The configuration of a client of the SDK: the SDK tries again where that is sensible, and waits for no dead connection. */
export function clientConfig({ region, endpoint, credentials }: AwsSettings) {
  return {
    region,
    retryMode: "standard",
    maxAttempts: 4,
    requestHandler: { connectionTimeout: 5_000, socketTimeout: 30_000 },
    ...(endpoint == null ? {} : { endpoint }),
    ...(credentials === undefined ? {} : { credentials }),
  } as const;
}

/** Whether a client's credentials are renewed without a person: those of an instance's role and of a single sign-on say when they end. */
export async function renewsCredentials(client: { readonly config: { readonly credentials: () => Promise<object> } }): Promise<boolean> {
  try {
    return "expiration" in (await client.config.credentials());
  } catch {
    return false; // there are none: the error in question says so
  }
}
