/**
 * JSON with sorted keys (by UTF-16 code unit), no white space and a final newline: equal values give equal bytes.
 * Takes what JSON can hold; `undefined` members are left out, as JSON.stringify does.
 */
export function canonicalJson(value: unknown): Uint8Array {
  return new TextEncoder().encode(`${print(value)}\n`);
}

function print(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) {
    let text = "";
    for (const item of value) text += `${text === "" ? "" : ","}${print(item)}`;
    return `[${text}]`;
  }
  // Not by building a sorted object: JavaScript moves keys that look like integers to the front of it.
  let text = "";
  for (const key of Object.keys(value).sort()) {
    const member = (value as Record<string, unknown>)[key];
    if (member !== undefined) text += `${text === "" ? "" : ","}${JSON.stringify(key)}:${print(member)}`;
  }
  return `{${text}}`;
}
