import type { Change } from "./model.ts";

/** A sentence in parts: ours, and the user's, which whoever prints it shows as what they are. */
export type Phrase = readonly (string | { readonly user: string })[];

/** A change as a person says it: `schedule @daily → @weekly`, `now after x instead of y`. Without the task that it is of. */
export function phraseOf({ what, name, from, to }: Change): Phrase {
  const subject = user(name ?? "");
  switch (what) {
    case "setting":
      return [name ?? "", ...transition(from, to, "set to ", "no longer set, was ")];
    case "param":
      return ["param ", subject, ...transition(from, to, "added: ", "removed, was ")];
    case "field":
      return ["field ", subject, ...transition(from, to, "added: ", "removed, was ")];
    case "configuration":
      return [
        "configuration ",
        subject,
        ...(from === null && to === null ? [" changed"] : transition(from, to, "added: ", "removed, was ")),
      ];
    case "task added":
      return ["task added: ", user(to ?? "")];
    case "task removed":
      return ["task removed, was: ", user(from ?? "")];
    case "dependencies":
      if (to === null) return ["no longer after ", user(from ?? "")];
      return from === null ? ["now also after ", user(to)] : ["now after ", user(to), " instead of ", user(from)];
    case "code":
      return ["code changed: ", subject];
    case "documentation":
      return ["README changed (documentation only)"];
    case "source lines":
      return ["comments or order of the YAML only: nothing that runs changes"];
    case "rendering":
      return ["rendered otherwise by this version of dagline; the YAML says the same"];
    case "details unknown":
      return ["changed; the deployed release does not say the DAG in words, so only the rendered Python tells how"];
    case "fields reordered":
      return ["fields reordered (a table's columns keep their order)"];
  }
}

function transition(from: string | null, to: string | null, added: string, removed: string): Phrase {
  if (from !== null && to !== null) return [" ", user(from), " → ", user(to)];
  return to !== null ? [` ${added}`, user(to)] : [` ${removed}`, user(from ?? "")];
}

function user(text: string): { user: string } {
  return { user: text };
}

/** The phrase as one text, each user's part through `print`. */
export function say(phrase: Phrase, print: (text: string) => string): string {
  return phrase.map((part) => (typeof part === "string" ? part : print(part.user))).join("");
}
