import { existsSync, readdirSync, statSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { pathToFileURL } from "node:url";

/** What `scrapes/NAME/local.ts` exports: it answers on this machine in the place of an origin. */
interface StandIn {
  /** The origin of the URLs that it answers, e.g. `https://api.example.com`. */
  readonly origin: string;
  readonly answer: (request: Request) => Response | Promise<Response>;
}

/** The stand-ins of a project's scrapes, each a server on 127.0.0.1. */
export interface StandIns {
  /** Reads every local.ts again. Gives what answers for each origin, e.g. `{"https://api.example.com": "http://127.0.0.1:4711"}`. */
  read(): Promise<Record<string, string>>;
  stop(): Promise<void>;
}

interface Serving {
  readonly server: Server;
  readonly url: string;
  readonly names: Map<string, StandIn["answer"]>;
}

/** `say` is told of a local.ts that can't be used and of an answer that failed; the other scrapes go on. */
export function openStandIns(root: string, say: (text: string) => void): StandIns {
  const servers = new Map<string, Serving>();
  const said = new Set<string>();
  const sayOnce = (text: string): void => {
    if (!said.has(text)) say(text);
    said.add(text);
  };
  return {
    async read() {
      for (const { names } of servers.values()) names.clear();
      for (const file of standInFiles(root)) {
        try {
          const { origin, answer } = await load(join(root, file));
          const serving = servers.get(origin) ?? (await serve(origin, say));
          servers.set(origin, serving);
          serving.names.set(file, answer);
          sayOnce(`${file} answers for ${origin} on this machine`);
        } catch (error) {
          say(`${file} is not used: ${error instanceof Error ? error.message : String(error)}`);
        }
      }
      const inUse = [...servers].filter(([, { names }]) => names.size > 0);
      return Object.fromEntries(inUse.map(([origin, { url }]) => [origin, url]));
    },
    async stop() {
      for (const { server } of servers.values()) await close(server);
      servers.clear();
    },
  };
}

/** In the order of their names, relative to the project. */
function standInFiles(root: string): string[] {
  const scrapes = readdirSync(join(root, "scrapes"), { withFileTypes: true });
  const names = scrapes.filter((entry) => entry.isDirectory() && /^[A-Za-z]/.test(entry.name)).map(({ name }) => name);
  return names
    .sort()
    .map((name) => `scrapes/${name}/local.ts`)
    .filter((file) => existsSync(join(root, file)));
}

async function load(path: string): Promise<StandIn> {
  // Node keeps a module for good: another time of change is another module.
  const { origin, answer } = (await import(`${pathToFileURL(path)}?${statSync(path).mtimeMs}`)) as Partial<Record<keyof StandIn, unknown>>;
  if (typeof origin !== "string" || !URL.canParse(origin) || new URL(origin).origin !== origin) {
    throw new Error('it must export `origin`, such as "https://api.example.com", without a path');
  }
  if (typeof answer !== "function") throw new Error("it must export a function `answer(request)` that returns a Response");
  return { origin, answer: answer as StandIn["answer"] };
}

async function serve(origin: string, say: (text: string) => void): Promise<Serving> {
  const names: Serving["names"] = new Map();
  const server = createServer((request, response) => {
    respond(origin, names, request, response).catch((error: unknown) => {
      say(
        `a stand-in for ${origin} failed at ${request.method} ${request.url}: ${error instanceof Error ? (error.stack ?? error.message) : error}`,
      );
      if (response.headersSent) response.destroy();
      else response.writeHead(500, { "content-type": "text/plain" }).end(`the stand-in failed: ${error}`);
    });
  });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, names };
}

/** Of several stand-ins for one origin, the first that knows the address answers; 404 when none does. */
async function respond(origin: string, names: Serving["names"], incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const body = await Array.fromAsync(incoming as AsyncIterable<Buffer>);
  let found = new Response("no stand-in knows this address", { status: 404 });
  for (const answer of names.values()) {
    found = await answer(requestOf(origin, incoming, Buffer.concat(body)));
    if (found.status !== 404) break;
  }
  outgoing.writeHead(found.status, Object.fromEntries(found.headers));
  if (found.body === null || incoming.method === "HEAD") outgoing.end();
  else await pipeline(Readable.fromWeb(found.body as Parameters<typeof Readable.fromWeb>[0]), outgoing);
}

/** As it was sent, with the address that the scrape asked for. */
function requestOf(origin: string, { method = "GET", url = "/", headers }: IncomingMessage, body: Buffer<ArrayBuffer>): Request {
  const sent = Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)] as [string, string]]));
  const hasBody = method !== "GET" && method !== "HEAD";
  return new Request(new URL(url, origin), { method, headers: sent, ...(hasBody ? { body } : {}) });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.close((error) => (error ? reject(error) : resolve()));
    server.closeAllConnections();
  });
}
