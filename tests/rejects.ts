import * as assert from "uvu/assert";

/** `assert.throws` does not await; this does. Resolves to the error so that the test can look at it. */
export async function rejects(promise: Promise<unknown>, expected?: RegExp | ((error: Error) => boolean)): Promise<Error> {
  let error: unknown;
  try {
    await promise;
  } catch (caught) {
    error = caught;
  }
  assert.ok(error instanceof Error, "expected a rejection with an Error");
  if (expected instanceof RegExp) assert.match(error.message, expected);
  else if (expected) assert.ok(expected(error), `the error is not the expected one: ${error.message}`);
  return error;
}
