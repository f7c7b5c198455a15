import { distance } from "fastest-levenshtein";

/** The candidate nearest to `word`, when it is near enough to be what was meant; else null. */
export function nearest(word: string, candidates: Iterable<string>): string | null {
  const short = word.slice(0, 100);
  let best: string | null = null;
  let bestDistance = (short.length < 4 ? 1 : Math.max(2, Math.floor(short.length / 3))) + 1;
  for (const candidate of candidates) {
    const far = distance(short.toLowerCase(), candidate.toLowerCase());
    if (far < bestDistance) {
      best = candidate;
      bestDistance = far;
    }
  }
  return best;
}

/** "Did you mean `x`?", or what there is to choose from. */
export function didYouMean(word: string, candidates: readonly string[], otherwise?: string): string {
  const near = nearest(word, candidates);
  if (near !== null) return `Did you mean \`${near}\`?`;
  if (otherwise !== undefined) return otherwise;
  if (candidates.length === 0) return "";
  const shown = candidates.slice(0, 12).map((candidate) => `\`${candidate}\``);
  return `There are ${shown.join(", ")}${candidates.length > 12 ? ", …" : ""}.`;
}
