/**
 * JSON with sorted keys (by UTF-16 code unit), no white space and a final newline: equal values give equal bytes.
 * Takes what JSON can hold; `undefined` members are left out, as JSON.stringify does.
 */
export function canonicalJson(value: unknown): Uint8Array {
  return new TextEncoder().encode(`${print(value)}\n`);
}

function print(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(print).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).filter(([, member]) => member !== undefined);
    // Not by building a sorted object: JavaScript moves keys that look like integers to the front of it.
    const sorted = entries.sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${sorted.map(([key, member]) => `${JSON.stringify(key)}:${print(member)}`).join(",")}}`;
  }
  return JSON.stringify(value);
}
