const brand = Symbol.for("dagline.skip");

/** Thrown by a function that has nothing to do, e.g. `throw new Skip("not published yet")`: the task and what follows from it are skipped. */
export class Skip extends Error {
  override readonly name = "Skip";
  readonly [brand] = true;
}

/** Also true for a Skip of another copy of this module: each bundle of functions brings its own. */
export function isSkip(error: unknown): error is Error {
  return error instanceof Error && brand in error;
}
