/** A part of a report: blocks under a title, each of which can be left out by itself. */
export interface Section {
  readonly title: string;
  /** Stands before the blocks, whatever is left out of them. */
  readonly lead?: string;
  readonly blocks: readonly string[];
  /** What stands between two blocks: a line break in a list or table, an empty line else. */
  readonly joint: "\n" | "\n\n";
  /** Whether many blocks are folded away. */
  readonly fold?: boolean;
  /** How much of a report that is too long this section may take, of 1. */
  readonly share: number;
  /** What a block is, for saying how many were left out: `DAG`. */
  readonly unit: string;
}

export interface Fitted {
  readonly body: string;
  /** What did not fit, as Markdown of its own; null: everything fits. */
  readonly rest: string | null;
}

/**
 * Puts sections together; when they are longer than `limit` characters, each keeps the first blocks of its share, says how many were left out,
 * and those go to `rest`. `head` is never cut.
 */
export function fit(head: string, sections: readonly Section[], limit: number): Fitted {
  const shown = sections.filter((section) => section.blocks.length > 0);
  const whole = [head, ...shown.map((section) => print(section, section.blocks))].join("\n\n");
  if (whole.length <= limit) return { body: `${whole}\n`, rest: null };
  const notice = "> [!NOTE]\n> This is not all of it: what was left out is in the summary of the workflow's step and in its artifact.";
  let room = limit - head.length - notice.length - 10;
  const shares = shown.reduce((sum, { share }) => sum + share, 0);
  const [kept, left]: [string[], string[]] = [[], []];
  for (const section of shown) {
    const part = cut(section, Math.min(room, Math.floor(((limit - head.length - notice.length) * section.share) / shares)));
    room -= part.kept.length + 2;
    kept.push(part.kept);
    if (part.left !== null) left.push(part.left);
  }
  return { body: `${[head, notice, ...kept].join("\n\n")}\n`, rest: `${left.join("\n\n")}\n` };
}

/** Room for the signs of a fold. */
const FOLD = 80;

function cut(section: Section, room: number): { kept: string; left: string | null } {
  const { blocks, joint, unit } = section;
  const more = (number: number): string =>
    `\n\n_… and ${number.toLocaleString("en")} more ${unit}${number === 1 ? "" : "s"}, left out here._`;
  let size = print(section, []).length + FOLD;
  let fitting = 0;
  for (const block of blocks) {
    size += block.length + joint.length;
    if (size + (fitting + 1 === blocks.length ? 0 : more(blocks.length).length) > room) break;
    fitting += 1;
  }
  if (fitting === blocks.length) return { kept: print(section, blocks), left: null };
  const kept = `${fitting === 0 ? `### ${section.title}` : print(section, blocks.slice(0, fitting))}${more(blocks.length - fitting)}`;
  return { kept, left: print(section, blocks.slice(fitting)) };
}

function print({ title, lead, joint, fold = false, unit }: Section, blocks: readonly string[]): string {
  // A table's rows follow its head at once.
  const content = [...(lead === undefined ? [] : [lead]), ...blocks].join(joint);
  if (!fold || blocks.length <= UNFOLDED) return `### ${title}\n\n${content}`.trimEnd();
  return `### ${title}\n\n<details><summary>${blocks.length} ${unit}s</summary>\n\n${content}\n\n</details>`;
}

/** A list up to this long needs no fold. */
const UNFOLDED = 12;
