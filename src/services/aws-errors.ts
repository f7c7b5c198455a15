import { TransientError, UserError } from "../errors.ts";

/** What an AWS call was about, for messages: `read current.json in s3://bucket/`, and the permission that it needs. */
export interface AwsCall {
  readonly doing: string;
  readonly permission: string;
}

/** Names of errors, as S3, SSM, STS and the SDK give them, and what a person should be told. `%` is what AWS said. */
const userErrors: readonly { readonly names: readonly string[]; readonly why: string; readonly hint: string }[] = [
  {
    names: ["CredentialsProviderError", "TokenProviderError"],
    why: "there are no usable AWS credentials (%)",
    hint: "Sign in (`aws sso login`) and set AWS_PROFILE, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
  },
  {
    names: ["ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"],
    why: "the AWS credentials have expired",
    hint: "Sign in again.",
  },
  {
    names: [
      "InvalidAccessKeyId",
      "SignatureDoesNotMatch",
      "UnrecognizedClientException",
      "InvalidSignatureException",
      "InvalidClientTokenId",
      "InvalidToken",
      "InvalidIdentityToken",
      "IncompleteSignature",
    ],
    why: "AWS does not accept the credentials",
    hint: "Check the profile or the keys: are they of the right account?",
  },
  { names: ["RequestTimeTooSkewed"], why: "this machine's clock differs too much from AWS's", hint: "Set the clock right." },
  { names: ["NoSuchBucket"], why: "there is no such bucket", hint: "Check its name and region; the cloud stacks make it." },
  { names: ["InvalidBucketName"], why: "that is not a bucket's name", hint: "Check the bucket that is configured." },
  {
    names: ["PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"],
    why: "the bucket is in another region",
    hint: "Give its region with --region or AWS_REGION.",
  },
  {
    names: ["InvalidDocument", "InvalidDocumentVersion"],
    why: "the SSM document does not exist",
    hint: "The cloud stacks make it: is this the right account and region?",
  },
  {
    names: ["InvalidInstanceId"],
    why: "SSM does not know the instance, or its agent is not running",
    hint: "Check the instance's id, and that it is up.",
  },
];

/** Node's and the SDK's words for a network that fails, and AWS's for a service that is busy. */
const passing =
  /Timeout|NetworkingError|ECONN|EPIPE|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|SlowDown|Throttl|TooManyRequests|RequestLimitExceeded|socket hang up|^aborted$/;

/**
 * An error of the AWS SDK as a person should see it: a UserError or a TransientError of one line, with what to do.
 * Anything unknown is passed on as it is: it is a bug. The SDK has already tried again where that is sensible.
 */
export function explainAwsError(error: unknown, { doing, permission }: AwsCall): unknown {
  if (!(error instanceof Error) || error instanceof UserError || error instanceof TransientError) return error;
  const status = "$metadata" in error ? (error.$metadata as { httpStatusCode?: number }).httpStatusCode : undefined;
  const said = firstLine(error);
  const known = userErrors.find(({ names }) => names.includes(error.name));
  if (known !== undefined)
    return new UserError(`could not ${doing}: ${known.why.replace("%", () => said)}`, { hint: known.hint, cause: error });
  if (isPassing(error, status)) {
    return new TransientError(`could not ${doing}: ${said}`, {
      hint: status === undefined ? "Is the network there, and the service up? Try again." : "The service is busy or broken; try again.",
      cause: error,
    });
  }
  if (status === 403 || /AccessDenied|Forbidden/.test(error.name)) return denied(error, said, doing, permission);
  // HEAD has no body that could say more.
  if (status === 301 || status === 307) {
    return new UserError(`could not ${doing}: the bucket is in another region`, {
      hint: "Give its region with --region or AWS_REGION.",
      cause: error,
    });
  }
  if (/^Checksum mismatch/.test(error.message)) {
    return new TransientError(`could not ${doing}: what arrived is damaged (${said})`, {
      hint: "Try again; if it stays so, restore the object.",
      cause: error,
    });
  }
  return error;
}

/** AWS's own words name the role and what it may not do: another action than the obvious one, at times (KMS, STS). */
function denied(error: Error, said: string, doing: string, permission: string): UserError {
  const named = /perform: ([a-z0-9-]+:\w+)/.exec(said)?.[1];
  const needed = named === undefined || permission.includes(named) ? permission : `${named}, besides ${permission}`;
  const detail = /^(access ?denied|forbidden|unknown|unknownerror|403)$/i.test(said) ? "" : ` (${said})`;
  return new UserError(`could not ${doing}: access denied${detail}`, {
    hint: `The role needs the permission ${needed}.`,
    cause: error,
  });
}

function isPassing(error: Error, status: number | undefined): boolean {
  if (status !== undefined && (status >= 500 || status === 429)) return true;
  return [error.name, "code" in error ? String(error.code) : "", error.message].some((text) => passing.test(text));
}

/** Connection errors come as an AggregateError with an empty message: the code names what happened then. */
function firstLine(error: Error): string {
  const line = (error.message.split("\n")[0] ?? "").trim();
  if (line !== "") return line;
  return "code" in error ? String(error.code) : error.name;
}
