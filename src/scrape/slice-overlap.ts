import type { SlicePart } from "./slice-template.ts";

/** Whether some slice fits both templates: then two loads would delete each other's rows. */
export function slicesMeet(one: readonly SlicePart[], other: readonly SlicePart[]): boolean {
  const [a, b] = [machineOf(one), machineOf(other)];
  const seen = new Set<string>(["0 0"]);
  const waiting: [number, number][] = [[0, 0]];
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    const [x, y] = at;
    if (x === a.end && y === b.end) return true;
    for (const left of a.steps[x] ?? []) {
      for (const right of b.steps[y] ?? []) {
        const key = `${left.to} ${right.to}`;
        if (!common(left.takes, right.takes) || seen.has(key)) continue;
        seen.add(key);
        waiting.push([left.to, right.to]);
      }
    }
  }
  return false;
}

/** One character, any digit, or any character that a slice takes. */
type Takes = string | typeof digit | typeof any;
const digit = Symbol("digit");
const any = Symbol("any");

/** States by number, from 0; each step takes one character. */
interface Machine {
  readonly steps: { readonly takes: Takes; readonly to: number }[][];
  readonly end: number;
}

function machineOf(parts: readonly SlicePart[]): Machine {
  const steps: { takes: Takes; to: number }[][] = [[]];
  const add = (from: number, takes: Takes, to = steps.push([]) - 1): number => {
    steps[from]?.push({ takes, to });
    return to;
  };
  let at = 0;
  for (const part of parts) {
    if (part.kind === "text") for (const letter of part.text) at = add(at, letter);
    if (part.kind === "year") for (let n = 0; n < 4; n++) at = add(at, digit);
    if (part.kind === "free") {
      at = add(at, any);
      add(at, any, at);
    }
    if (part.kind === "choice") {
      const end = steps.push([]) - 1;
      for (const value of part.values) {
        let from = at;
        for (const letter of value.slice(0, -1)) from = add(from, letter);
        add(from, value.slice(-1), end);
      }
      at = end;
    }
  }
  return { steps, end: at };
}

function common(one: Takes, other: Takes): boolean {
  if (one === any || other === any || one === other) return true;
  return (one === digit && /^\d$/.test(String(other))) || (other === digit && /^\d$/.test(String(one)));
}
