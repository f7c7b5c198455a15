import { TransientError, UserError } from "../errors.ts";

/** What an AWS call was about, for messages: `put current.json in s3://bucket`, and the permission that it needs. */
export interface AwsCall {
  readonly doing: string;
  readonly permission: string;
}

/** An error of the AWS SDK as a person should see it. Anything unknown is passed on as it is: it is a bug. */
export function explainAwsError(error: unknown, { doing, permission }: AwsCall): unknown {
  if (!(error instanceof Error) || error instanceof UserError || error instanceof TransientError) return error;
  const status = "$metadata" in error ? (error.$metadata as { httpStatusCode?: number }).httpStatusCode : undefined;
  const fail = (why: string, hint: string): UserError => new UserError(`could not ${doing}: ${why}`, { hint, cause: error });
  switch (error.name) {
    case "CredentialsProviderError":
      return fail(
        "there are no AWS credentials",
        "Sign in (`aws sso login`), set AWS_PROFILE, or use --local with the stack of `npm start`.",
      );
    case "ExpiredToken":
    case "ExpiredTokenException":
    case "RequestExpired":
      return fail("the AWS credentials have expired", "Sign in again.");
    case "InvalidAccessKeyId":
    case "SignatureDoesNotMatch":
    case "UnrecognizedClientException":
    case "InvalidSignatureException":
    case "InvalidClientTokenId":
      return fail("AWS does not accept the credentials", "Check the profile or the keys; are they of the right account?");
    case "AccessDenied":
    case "AccessDeniedException":
    case "Forbidden":
      return fail("access denied", `The role needs the permission ${permission}.`);
    case "NoSuchBucket":
      return fail("there is no such bucket", "Check its name and region; the cloud stacks make it.");
    case "PermanentRedirect":
    case "AuthorizationHeaderMalformed":
      return fail("the bucket is in another region", "Give its region with --region or AWS_REGION.");
    case "InvalidDocument":
      return fail("the SSM document does not exist", "The cloud stacks make it; is this the right account and region?");
    case "InvalidInstanceId":
      return fail("SSM does not know the instance, or its agent is not running", "Check --instance, and that the instance is up.");
  }
  if (status === 403) return fail("access denied", `The role needs the permission ${permission}.`);
  if (isPassing(error, status)) {
    return new TransientError(`could not ${doing}: ${describe(error)}`, {
      hint: "The service did not answer properly; try again.",
      cause: error,
    });
  }
  return error;
}

function isPassing(error: Error, status: number | undefined): boolean {
  if (status !== undefined && (status >= 500 || status === 429)) return true;
  return /Timeout|TimeoutError|NetworkingError|ECONN|EPIPE|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|SlowDown|Throttl|socket hang up|aborted/.test(
    `${error.name} ${"code" in error ? String(error.code) : ""} ${error.message}`,
  );
}

/** Connection errors come as an AggregateError with an empty message: name the code then. */
function describe(error: Error): string {
  const code = "code" in error ? String(error.code) : error.name;
  return error.message === "" ? code : error.message;
}
