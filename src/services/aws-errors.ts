import { TransientError, UserError } from "../errors.ts";
import { networkTrouble } from "../network-errors.ts";

/** What an AWS call was about, for messages: `read current.json in s3://bucket/`, and the permission that it needs. */
export interface AwsCall {
  readonly doing: string;
  readonly permission: string;
  /** The credentials are renewed without a person (an instance's role), so that expired ones are right again at the next try. */
  readonly renews?: boolean;
}

/**
 * Families of errors by the names that S3, SSM, CloudFormation, STS, KMS and the SDK give them, where the HTTP status tells less:
 * https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html and
 * https://docs.aws.amazon.com/systems-manager/latest/APIReference/CommonErrors.html. `%` is what AWS said.
 */
const families: readonly {
  readonly names: RegExp;
  readonly kind: "user" | "transient";
  readonly why: string;
  readonly hint: string;
}[] = [
  {
    names: /Timeout|Throttl|SlowDown|TooManyRequests|LimitExceeded$|BandwidthLimit|PriorRequestNotComplete/,
    kind: "transient",
    why: "%",
    hint: "The service is busy or broken; try again.",
  },
  {
    names: /^(CredentialsProviderError|TokenProviderError|ProviderError)$/,
    kind: "user",
    why: "there are no usable AWS credentials (%)",
    hint: "Sign in (`aws sso login`) and set AWS_PROFILE, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
  },
  {
    names:
      /^(InvalidAccessKeyId|SignatureDoesNotMatch|UnrecognizedClientException|Invalid(Signature|ClientTokenId|Token|IdentityToken|Security)\w*|IncompleteSignature\w*|MissingAuthenticationToken\w*|AuthFailure|NotSignedUp|OptInRequired)$/,
    kind: "user",
    why: "AWS does not accept the credentials",
    hint: "Check the profile or the keys: are they of the right account?",
  },
  {
    names: /^(RequestTimeTooSkewed|RequestInTheFuture)$/,
    kind: "user",
    why: "this machine's clock differs too much from AWS's",
    hint: "Set the clock right.",
  },
  { names: /^NoSuchBucket$/, kind: "user", why: "there is no such bucket", hint: "Check its name and region; the cloud stacks make it." },
  { names: /^InvalidBucketName$/, kind: "user", why: "that is not a bucket's name", hint: "Check the bucket that is configured." },
  {
    names: /Redirect$|^(AuthorizationHeaderMalformed|IllegalLocationConstraintException)$/,
    kind: "user",
    why: "the bucket is in another region",
    hint: "Give its region with --region or AWS_REGION.",
  },
  {
    names: /^KMS/,
    kind: "user",
    why: "the bucket's encryption key can't be used (%)",
    hint: "Enable the KMS key that the bucket names, and let the role use it (kms:Decrypt, kms:GenerateDataKey).",
  },
  {
    names: /^InvalidObjectState$/,
    kind: "user",
    why: "the object is archived",
    hint: "Restore it from its storage class, then try again.",
  },
  { names: /^(NoSuchKey|NoSuchVersion|NotFound)$/, kind: "user", why: "it is not there", hint: "Was it deleted? Write it again." },
  {
    names: /^NoSuchUpload$/,
    kind: "transient",
    why: "the upload was removed meanwhile",
    hint: "Does a lifecycle rule remove unfinished uploads too soon? Try again.",
  },
  {
    names: /^(BadDigest|InvalidDigest|\w*(Checksum|SHA256)Mismatch|IncompleteBody)$/i,
    kind: "transient",
    why: "what arrived is damaged (%)",
    hint: "Try again; if it stays so, restore the object.",
  },
  {
    names: /^InvalidDocument(Version)?$/,
    kind: "user",
    why: "the SSM document does not exist",
    hint: "The cloud stacks make it: is this the right account and region?",
  },
  {
    names: /^InvalidInstanceId$/,
    kind: "user",
    why: "SSM does not know the instance, or its agent is not running",
    hint: "Check the instance's id, and that it is up.",
  },
];

const expired = /^(ExpiredToken\w*|RequestExpired|TokenRefreshRequired)$/;

/**
 * An error of the AWS SDK as a person should see it: a UserError or a TransientError of one line, with what to do. What no family names
 * is told by the network's error or the HTTP status: 5xx passes, 4xx is somebody's to mend, with AWS's own words.
 * Only what is neither AWS's nor the network's is passed on as it is: it is a bug. The SDK has already tried again where that is sensible.
 */
export function explainAwsError(error: unknown, call: AwsCall): unknown {
  if (!(error instanceof Error) || error instanceof UserError || error instanceof TransientError) return error;
  const said = firstLine(error);
  const user = (why: string, hint: string): UserError => new UserError(`could not ${call.doing}: ${why}`, { hint, cause: error });
  const transient = (why: string, hint: string): TransientError =>
    new TransientError(`could not ${call.doing}: ${why}`, { hint, cause: error });

  if (expired.test(error.name)) {
    const why = "the AWS credentials have expired";
    return call.renews === true ? transient(why, "They are renewed without your help; try again.") : user(why, "Sign in again.");
  }
  // The SDK's own check of what it downloaded has words only.
  const name = /^Checksum mismatch/.test(error.message) ? "ChecksumMismatch" : error.name;
  const family = families.find(({ names }) => names.test(name));
  if (family !== undefined) {
    const why = family.why.replace("%", () => said);
    return family.kind === "user" ? user(why, family.hint) : transient(why, family.hint);
  }
  const network = networkTrouble(error);
  if (network?.kind === "passing") return transient(said, "Is the network there, and the service up? Try again.");
  if (network !== undefined)
    return user(`the server's certificate is not trusted: ${network.reason}`, "Name its authority in NODE_EXTRA_CA_CERTS.");
  return byStatus(error, said, call, { user, transient });
}

function byStatus(
  error: Error,
  said: string,
  call: AwsCall,
  make: { readonly user: (why: string, hint: string) => Error; readonly transient: (why: string, hint: string) => Error },
): Error {
  const status = "$metadata" in error ? ((error.$metadata as { httpStatusCode?: number }).httpStatusCode ?? 0) : 0;
  if (status >= 500 || status === 408 || status === 429) return make.transient(said, "The service is busy or broken; try again.");
  if (status === 409) return make.transient(said, "Something else changes it right now; try again.");
  if (status === 403 || /AccessDenied|Forbidden|Unauthorized/.test(error.name)) return denied(error, said, call);
  // HEAD has no body that could say more.
  if (status >= 300 && status < 400) return make.user("the bucket is in another region", "Give its region with --region or AWS_REGION.");
  if (status >= 400) return make.user(`AWS refuses it: ${error.name}: ${said}`, `AWS's documentation of ${error.name} says what it means.`);
  return error;
}

/** AWS's own words name the role and what it may not do: another action than the obvious one, at times (KMS, STS). */
function denied(error: Error, said: string, { doing, permission }: AwsCall): UserError {
  const named = /perform: ([a-z0-9-]+:\w+)/.exec(said)?.[1];
  const needed = named === undefined || permission.includes(named) ? permission : `${named}, besides ${permission}`;
  const detail = /^(access ?denied|forbidden|unknown|unknownerror|403)$/i.test(said) ? "" : ` (${said})`;
  return new UserError(`could not ${doing}: access denied${detail}`, {
    hint: `The role needs the permission ${needed}.`,
    cause: error,
  });
}

/** Connection errors come as an AggregateError with an empty message: the code names what happened then. */
function firstLine(error: Error): string {
  const line = (error.message.split("\n")[0] ?? "").trim();
  if (line !== "") return line;
  return "code" in error ? String(error.code) : error.name;
}
