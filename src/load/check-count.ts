import { UserError } from "../errors.ts";
import type { LoadRequest } from "./request.ts";

/**
 * Throws UserError unless the load read as many rows as were counted when its files were staged. They are two readers: where they differ,
 * one of them does not see a row that is there.
 */
export function checkCount({ table, files }: LoadRequest, read: number): void {
  const staged = files.reduce<number | null>((sum, { rows }) => (sum === null || rows === null ? null : sum + rows), 0);
  if (staged === null || staged === read) return;
  throw new UserError(`the load into \`${table}\` read ${read} rows, and ${staged} were counted when they were staged`, {
    hint: `Nothing was loaded. Look at ${files.map(({ key }) => key).join(", ")}: is there a line that ends the rows, or does a trigger of the table leave rows out?`,
  });
}
