import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { UserError } from "../errors.ts";

/** By URL: the name of a file under `fixtures/`, or the HTTP status to answer with. */
export type Served = Readonly<Record<string, string | number>>;

/** A `fetch` that answers from fixtures and never touches the network; any other URL is an error that names those it knows. */
export function fixtureFetch(fixtures: string, served: Served): typeof fetch {
  return async (input, init) => {
    const url = input instanceof Request ? input.url : String(input);
    init?.signal?.throwIfAborted();
    const answer = Object.hasOwn(served, url) ? served[url] : undefined;
    if (answer === undefined) {
      throw new UserError(`the test serves nothing at ${url}`, { hint: `It serves: ${Object.keys(served).join(", ") || "nothing"}.` });
    }
    if (typeof answer === "number") return new Response(null, { status: answer });
    const file = join(fixtures, answer);
    const { size } = await stat(file);
    return new Response(Readable.toWeb(createReadStream(file)) as ReadableStream<Uint8Array>, {
      headers: { "content-length": String(size) },
    });
  };
}
