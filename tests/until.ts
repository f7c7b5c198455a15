/** Waits for a condition with a limit; tests use it instead of sleeping. */
export async function until<T>(
  what: string,
  probe: () => T | Promise<T>,
  { timeout = 30_000, interval = 50 } = {},
): Promise<NonNullable<T>> {
  const end = performance.now() + timeout;
  for (;;) {
    const value = await probe();
    if (value) return value;
    if (performance.now() > end) throw new Error(`waited ${timeout / 1000} s in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, interval));
  }
}
