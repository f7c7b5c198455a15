import { test } from "uvu";
import * as assert from "uvu/assert";
import { TransientError, UserError } from "../../src/errors.ts";
import { explainAwsError } from "../../src/services/aws-errors.ts";

type Kind = "user" | "transient" | "bug";

/** An error as the SDK makes it of an answer: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
function answered(status: number, name: string, message = name): Error {
  return Object.assign(new Error(message), { name, $metadata: { httpStatusCode: status } });
}

const system = (code: string): Error => Object.assign(new Error(`connect ${code} 10.0.0.1:443`), { code });

const cases: [Error, Kind, RegExp, RegExp?][] = [
  [answered(503, "SlowDown", "Please reduce your request rate."), "transient", /Please reduce your request rate/, /busy or broken/],
  [answered(400, "ThrottlingException"), "transient", /Throttling/],
  [answered(400, "KMS.ThrottlingException"), "transient", /Throttling/],
  [answered(400, "RequestTimeout", "Your socket connection to the server was not read from or written to"), "transient", /not read from/],
  [answered(400, "RequestLimitExceeded"), "transient", /RequestLimitExceeded/],
  [answered(500, "InternalError"), "transient", /InternalError/],
  [answered(502, "UnknownError"), "transient", /busy|Unknown/],
  [answered(429, "Whatever"), "transient", /Whatever/],
  [answered(409, "OperationAborted"), "transient", /OperationAborted/, /Something else changes it/],
  [answered(404, "NoSuchUpload"), "transient", /the upload was removed meanwhile/],
  [answered(400, "BadDigest"), "transient", /what arrived is damaged/],
  [answered(400, "XAmzContentSHA256Mismatch"), "transient", /what arrived is damaged/],
  [new Error('Checksum mismatch: expected "a" but received "b"'), "transient", /what arrived is damaged \(Checksum mismatch/],

  [system("ECONNREFUSED"), "transient", /ECONNREFUSED/, /Is the network there/],
  [system("ECONNRESET"), "transient", /ECONNRESET/],
  [new Error("socket hang up"), "transient", /socket hang up/],
  [new Error("aborted"), "transient", /aborted/],
  [new Error("the request failed", { cause: system("ENOTFOUND") }), "transient", /the request failed/],
  [Object.assign(new AggregateError([system("ENETUNREACH")], ""), { code: "ENETUNREACH" }), "transient", /ENETUNREACH/],
  [Object.assign(new Error("timed out after 60000 ms of inactivity"), { name: "TimeoutError" }), "transient", /60000 ms/],
  [
    Object.assign(new Error("self-signed certificate"), { code: "DEPTH_ZERO_SELF_SIGNED_CERT" }),
    "user",
    /certificate is not trusted/,
    /CA_CERTS/,
  ],

  [answered(403, "AccessDenied", "Access Denied"), "user", /access denied$/, /needs the permission s3:GetObject on b/],
  [answered(403, "UnknownError", "Unknown"), "user", /access denied$/],
  [
    answered(403, "AccessDenied", "User: x is not authorized to perform: kms:Decrypt on resource y"),
    "user",
    /access denied \(User: x/,
    /kms:Decrypt, besides s3:GetObject/,
  ],
  [answered(400, "AccessDeniedException", "no"), "user", /access denied \(no\)/],
  [answered(400, "ExpiredToken"), "user", /credentials have expired/, /Sign in again/],
  [answered(403, "InvalidAccessKeyId"), "user", /does not accept the credentials/],
  [answered(403, "SignatureDoesNotMatch"), "user", /does not accept the credentials/],
  [answered(403, "RequestTimeTooSkewed"), "user", /clock differs/, /Set the clock right/],
  [Object.assign(new Error("Could not load credentials"), { name: "CredentialsProviderError" }), "user", /no usable AWS credentials/],
  [answered(404, "NoSuchBucket"), "user", /there is no such bucket/],
  [answered(404, "NoSuchKey"), "user", /it is not there/],
  [answered(301, "PermanentRedirect"), "user", /in another region/, /--region/],
  [answered(301, "UnknownError"), "user", /in another region/],
  [answered(400, "AuthorizationHeaderMalformed"), "user", /in another region/],
  [answered(400, "KMS.DisabledException", "key is disabled"), "user", /encryption key can't be used \(key is disabled\)/, /kms:Decrypt/],
  [answered(400, "KMS.KMSInvalidStateException"), "user", /encryption key can't be used/],
  [answered(403, "InvalidObjectState"), "user", /archived/, /Restore it/],
  [answered(400, "EntityTooLarge", "too large"), "user", /AWS refuses it: EntityTooLarge: too large/],
  [answered(400, "ValidationException", "1 validation error"), "user", /AWS refuses it: ValidationException: 1 validation error/],
  [answered(400, "InvalidDocument"), "user", /SSM document does not exist/],
  [answered(400, "InvalidInstanceId"), "user", /SSM does not know the instance/],

  [new TypeError("x is not a function"), "bug", /^x is not a function$/],
];

test("each error of AWS's is a person's to mend or passes, by its family, its network error or its status; anything else is a bug", () => {
  for (const [error, kind, message, hint] of cases) {
    const told = explainAwsError(error, { doing: "read k in s3://b/", permission: "s3:GetObject on b" });
    const label = `${error.name}: ${error.message}`;
    assert.instance(told, { user: UserError, transient: TransientError, bug: TypeError }[kind], label);
    assert.match((told as Error).message, message);
    if (kind !== "bug") assert.match((told as Error).message, /^could not read k in s3:\/\/b\/: /);
    if (hint !== undefined) assert.match(String((told as UserError).hint), hint);
  }
});

test("credentials that expire in the middle of the work pass where they are renewed without a person", () => {
  const call = { doing: "read k", permission: "p", renews: true };
  for (const name of ["ExpiredToken", "ExpiredTokenException", "RequestExpired"])
    assert.instance(explainAwsError(answered(400, name), call), TransientError);
});

test("what is explained already stays as it is", () => {
  const error = new UserError("known");
  assert.is(explainAwsError(error, { doing: "", permission: "" }), error);
});

test.run();
