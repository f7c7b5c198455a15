import { readFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * On this machine `npm start` asks this file instead of the real origin, so that the scrape runs without network, key or cost.
 * A host never does. Put another origin into the DAG's `url`, or remove this file, and the real one is asked here, too.
 */
export const origin = "https://api.example.com";

/** The fixture's measurements, as if they were taken on the day that is asked for. */
export async function answer(request: Request): Promise<Response> {
  const day = new URL(request.url).searchParams.get("date") ?? "";
  const rows = await readFile(join(import.meta.dirname, "fixtures", "measurements.json"), "utf8");
  return new Response(rows.replaceAll("2024-01-31", day), { headers: { "content-type": "application/json" } });
}
