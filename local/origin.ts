import { createReadStream, type Stats } from "node:fs";
import { mkdir, stat } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { UserError } from "../src/errors.ts";
import { localDir, root } from "./paths.ts";
import { type TaxiType, writeTlcMonth } from "./tlc-data.ts";
import { zoneLookupCsv } from "./tlc-zones.ts";

/** Where the TLC publishes its files. */
export const liveOrigin = "https://d37ci6vzurychx.cloudfront.net";

/** A server on this machine that answers as the TLC's does. */
export interface LocalOrigin {
  /** `http://127.0.0.1:PORT`, without a slash at the end. */
  readonly url: string;
  /** Every request so far, e.g. `GET /misc/taxi_zone_lookup.csv 200`. */
  readonly requests: readonly string[];
  stop(): Promise<void>;
}

export interface OriginOptions {
  /** Serve only the files of this folder, named as the TLC names them. Without it months are made up as they are asked for. */
  readonly dir?: string;
  /** The same seed gives the same made-up months. */
  readonly seed?: number;
  /** How many trips a made-up month has. */
  readonly rows?: number;
  /** Where made-up months are kept. */
  readonly cache?: string;
  readonly port?: number;
  readonly now?: () => Date;
}

/**
 * Serves `/trip-data/{green|yellow}_tripdata_YYYY-MM.parquet` and `/misc/taxi_zone_lookup.csv` on 127.0.0.1. A month that is not
 * there, or not over yet, is a 403, as at the TLC. Throws UserError when `dir` is no folder or the port is taken.
 */
export async function startOrigin(options: OriginOptions = {}): Promise<LocalOrigin> {
  if (options.dir !== undefined && !(await isFolder(options.dir))) {
    throw new UserError(`the origin's folder does not exist: ${options.dir}`, {
      hint: "Give a folder with files such as green_tripdata_2023-01.parquet.",
    });
  }
  const find = options.dir === undefined ? madeUpFiles(options) : filesOf(options.dir);
  const requests: string[] = [];
  const server = createServer((request, response) => {
    response.once("close", () => requests.push(`${request.method} ${request.url} ${response.statusCode}`));
    answer(find, request, response).catch((error: unknown) => {
      // Half a file must not look like a whole one: cut the connection when the head is out already.
      if (response.headersSent) return response.destroy();
      response.writeHead(500, { "content-type": "text/plain" }).end(String(error));
    });
  });
  await listen(server, options.port ?? 0);
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    stop: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()));
        server.closeAllConnections();
      }),
  };
}

/** Whether the TLC's own server can be reached from here; any answer counts. */
export async function probeLiveOrigin(timeoutMs = 2000, origin = liveOrigin): Promise<boolean> {
  try {
    const response = await fetch(`${origin}/misc/taxi_zone_lookup.csv`, { method: "HEAD", signal: AbortSignal.timeout(timeoutMs) });
    return response.ok;
  } catch {
    return false; // no network, a proxy that refuses, no answer in time: all the same here
  }
}

type Content = { readonly file: string } | { readonly text: string };
/** What an address stands for; undefined when it is not published. */
type Find = (address: Address) => Promise<Content | undefined>;
type Address =
  | { readonly kind: "zones" }
  | { readonly kind: "trips"; readonly taxiType: TaxiType; readonly year: number; readonly month: number };

/** Only addresses of exactly these forms mean anything, so no path can lead out of the folder. */
function parseAddress(url: string): Address | undefined {
  const path = url.replace(/\?.*/s, "");
  if (path === "/misc/taxi_zone_lookup.csv") return { kind: "zones" };
  const match = /^\/trip-data\/(green|yellow)_tripdata_(\d{4})-(0[1-9]|1[0-2])\.parquet$/.exec(path);
  if (match === null) return undefined;
  return { kind: "trips", taxiType: match[1] === "green" ? "green" : "yellow", year: Number(match[2]), month: Number(match[3]) };
}

function filesOf(dir: string): Find {
  return async (address) => {
    const file = join(dir, address.kind === "zones" ? "taxi_zone_lookup.csv" : fileName(address));
    const found = await statOrMissing(file);
    if (found?.isFile()) return { file };
    return address.kind === "zones" ? { text: await zoneLookupCsv(root) } : undefined;
  };
}

function madeUpFiles({ seed = 1, rows = 5000, cache = join(localDir, "origin"), now = () => new Date() }: OriginOptions): Find {
  const underWay = new Map<string, Promise<void>>();
  return async (address) => {
    if (address.kind === "zones") return { text: await zoneLookupCsv(root) };
    const firstYear = address.taxiType === "green" ? 2014 : 2009;
    if (address.year < firstYear || now() < new Date(Date.UTC(address.year, address.month))) return undefined;
    const file = join(cache, `seed-${seed}-rows-${rows}`, fileName(address));
    if ((await statOrMissing(file)) !== undefined) return { file };
    const making = underWay.get(file) ?? make(file, { ...address, rows, seed });
    underWay.set(file, making);
    await making.finally(() => underWay.delete(file));
    return { file };
  };
}

async function make(file: string, month: Parameters<typeof writeTlcMonth>[0]): Promise<void> {
  await mkdir(join(file, ".."), { recursive: true });
  await writeTlcMonth(month, file);
}

function fileName({ taxiType, year, month }: Extract<Address, { kind: "trips" }>): string {
  return `${taxiType}_tripdata_${year}-${String(month).padStart(2, "0")}.parquet`;
}

async function answer(find: Find, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method !== "GET" && request.method !== "HEAD") {
    response.writeHead(405, { allow: "GET, HEAD" }).end();
    return;
  }
  const address = parseAddress(request.url ?? "");
  const content = address === undefined ? undefined : await find(address);
  if (content === undefined) {
    response.writeHead(403, { "content-type": "application/xml" }).end("<Error><Code>AccessDenied</Code></Error>");
    return;
  }
  if ("file" in content) await sendFile(content.file, request, response);
  else sendText(content.text, request, response);
}

function sendText(text: string, request: IncomingMessage, response: ServerResponse): void {
  const body = Buffer.from(text);
  response.writeHead(200, { "content-type": "text/csv", "content-length": body.length });
  response.end(request.method === "HEAD" ? undefined : body);
}

async function sendFile(file: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { size, mtime, mtimeMs } = await stat(file);
  const etag = `"${size.toString(16)}-${Math.trunc(mtimeMs).toString(16)}"`;
  const head = { "accept-ranges": "bytes", etag, "last-modified": mtime.toUTCString(), "content-type": contentType(file) };
  if (request.headers["if-none-match"] === etag) {
    response.writeHead(304, head).end();
    return;
  }
  const ifRange = request.headers["if-range"];
  const range = ifRange === undefined || ifRange === etag ? parseRange(request.headers.range, size) : "whole";
  if (range === "unsatisfiable") {
    response.writeHead(416, { ...head, "content-range": `bytes */${size}` }).end();
    return;
  }
  const { start, end } = range === "whole" ? { start: 0, end: size - 1 } : range;
  const partial = range === "whole" ? {} : { "content-range": `bytes ${start}-${end}/${size}` };
  response.writeHead(range === "whole" ? 200 : 206, { ...head, ...partial, "content-length": end - start + 1 });
  if (request.method === "HEAD" || size === 0) {
    response.end();
    return;
  }
  await pipeline(createReadStream(file, { start, end }), response).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ERR_STREAM_PREMATURE_CLOSE") throw error; // the other side hung up
  });
}

/** One range of bytes, RFC 9110 section 14; several ranges, or a form that is not understood, mean the whole file. */
function parseRange(header: string | undefined, size: number): { start: number; end: number } | "whole" | "unsatisfiable" {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? "");
  if (match === null || (match[1] === "" && match[2] === "")) return "whole";
  const start = match[1] === "" ? Math.max(0, size - Number(match[2])) : Number(match[1]);
  const end = match[1] === "" || match[2] === "" ? size - 1 : Math.min(Number(match[2]), size - 1);
  if (match[2] !== "" && match[1] !== "" && Number(match[1]) > Number(match[2])) return "whole";
  return start >= size ? "unsatisfiable" : { start, end };
}

function contentType(file: string): string {
  return file.endsWith(".csv") ? "text/csv" : "application/octet-stream";
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EADDRINUSE") return reject(error);
      reject(new UserError(`port ${port} is taken`, { hint: "Give another port, or 0 for a free one.", cause: error }));
    });
    server.listen(port, "127.0.0.1", resolve);
  });
}

async function statOrMissing(path: string): Promise<Stats | undefined> {
  return stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
    return undefined;
  });
}

async function isFolder(path: string): Promise<boolean> {
  return (await statOrMissing(path))?.isDirectory() ?? false;
}
