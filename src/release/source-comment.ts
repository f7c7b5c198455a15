/** The comment that ends a rendered statement and tells which line of YAML it came from. The host looks for it when a DAG does not import. */
export function sourceComment(file: string, line: number): string {
  return `# ${encodePath(file)}:${line}`;
}

/**
 * The YAML line that a line of a rendered DAG came from: the one that its comment names, or the nearest comment above it (an argument of a
 * statement that takes several lines). Lines start at 1. null when there is none, as in a file that dagline did not render.
 */
export function sourceOf(python: string, line: number): { file: string; line: number } | null {
  for (const text of python.split("\n").slice(0, line).reverse()) {
    const match = / {2}# ([\w./%-]+):(\d+)$/.exec(text);
    if (match?.[1] !== undefined) return { file: decodeURIComponent(match[1]), line: Number(match[2]) };
  }
  return null;
}

/** A file's name cannot leave the comment, nor pretend to be something else in it. */
function encodePath(file: string): string {
  return file.toWellFormed().replace(/[^\w./-]/gu, (character) => {
    const encoded = encodeURIComponent(character);
    return encoded === character ? `%${character.charCodeAt(0).toString(16)}` : encoded;
  });
}
