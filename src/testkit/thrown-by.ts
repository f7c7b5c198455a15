/** What a promise is rejected with, for the test to look at. Throws when it is fulfilled instead. */
export async function thrownBy(promise: Promise<unknown>): Promise<Error> {
  const outcome = await promise.then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
  );
  if (outcome === undefined) throw new Error("expected an error, and there was none");
  return outcome;
}
