/** An HTML comment, invisible when rendered, that a comment or issue of ours starts with. */
export type Marker = string & { readonly brand: "Marker" };

/**
 * The marker of what a tool wrote about something, e.g. `marker("diff", "production")`. Two lists of parts never give the same one,
 * and no part can end the HTML comment: whatever is not a letter, digit, `_`, `.` or `/` is percent-encoded, `-` as well.
 */
export function marker(...parts: readonly string[]): Marker {
  return `<!-- dagline ${parts.map(encode).join(" ")} -->` as Marker; // the one place that makes markers
}

/** The body with its marker as the first line. */
export function mark(marker: Marker, body: string): string {
  return `${marker}\n${body}`;
}

/** The body without its marker; undefined for one that does not start with it. */
export function unmark(marker: Marker, body: string): string | undefined {
  if (body === marker) return "";
  const end = ["\n", "\r\n"].find((end) => body.startsWith(`${marker}${end}`));
  return end === undefined ? undefined : body.slice(marker.length + end.length);
}

function encode(part: string): string {
  return [...Buffer.from(part)]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return /[A-Za-z0-9_./]/.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
    })
    .join("");
}
