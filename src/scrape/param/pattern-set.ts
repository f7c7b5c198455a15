import { type Cursor, classes, escaped, literal, refuse } from "./pattern-text.ts";

/** `[a-z_]`, after its bracket. */
export function readSet(cursor: Cursor): string {
  const isNegated = cursor.text[cursor.at] === "^";
  if (isNegated) cursor.at++;
  const first = cursor.at;
  const members: string[] = [];
  for (;;) {
    const character = cursor.text[cursor.at];
    if (character === undefined) return refuse("opens a bracket that it does not close", "Write `\\[` for a bracket.");
    if (character === "]") {
      if (cursor.at === first) refuse("has a bracket with nothing in it", "Write `\\]` for a bracket in brackets.");
      cursor.at++;
      return `[${isNegated ? "^" : ""}${members.join("")}]`;
    }
    members.push(readMember(cursor, cursor.at === first));
  }
}

function readMember(cursor: Cursor, isFirst: boolean): string {
  const character = cursor.text[cursor.at] ?? "";
  const following = cursor.text[cursor.at + 1] ?? "";
  if (character === "[") refuse("has a bracket in brackets", "Write `\\[`.");
  if ("-&|~".includes(character) && (following === character || (character === "-" && !isFirst && following !== "]"))) {
    refuse(`has a ${character} in brackets that could mean something else`, `Write \`\\${character}\`.`);
  }
  const set = character === "\\" ? classes[following] : undefined;
  if (set !== undefined) {
    cursor.at += 2;
    if (cursor.text[cursor.at] === "-" && cursor.text[cursor.at + 1] !== "]")
      refuse("has a range that begins with a class", "Write `\\-` for a hyphen.");
    return set;
  }
  const from = readSingle(cursor);
  if (cursor.text[cursor.at] !== "-" || cursor.text[cursor.at + 1] === "]" || cursor.text[cursor.at + 1] === undefined)
    return literal(from);
  cursor.at++;
  if (cursor.text[cursor.at] === "[" || cursor.text[cursor.at] === "-")
    refuse("has a range to a bracket or a hyphen", "Write `\\[` or `\\-`.");
  if (cursor.text[cursor.at] === "\\" && classes[cursor.text[cursor.at + 1] ?? ""] !== undefined)
    refuse("has a range that ends with a class", "Write `\\-` for a hyphen.");
  const to = readSingle(cursor);
  if ((from.codePointAt(0) ?? 0) > (to.codePointAt(0) ?? 0))
    refuse(`has a range from ${from} down to ${to}`, "Write it the other way round.");
  return `${literal(from)}-${literal(to)}`;
}

function readSingle(cursor: Cursor): string {
  const character = cursor.text[cursor.at++] ?? "";
  return character === "\\" ? escaped(cursor) : character;
}
