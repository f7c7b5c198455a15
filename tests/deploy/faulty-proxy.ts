import { createServer, request as forward, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

/** What goes wrong with a request: another answer than the server's, or the server's answer lost on its way back, or cut. */
export type Fault = { readonly status: number; readonly body?: string } | "lose the answer" | "cut the answer";

export interface FaultyProxy {
  readonly endpoint: string;
  /** `METHOD /path` of every request that arrived, in order. */
  readonly requests: string[];
  /** How many answers the client hung up on before it had them whole. */
  hungUp: number;
  /** Asked for each request; undefined lets it pass. */
  fault: (method: string, path: string) => Fault | undefined;
  stop(): Promise<void>;
}

/** Stands between the SDK and moto: counts what goes over the wire, and makes it fail. */
export async function startFaultyProxy(target: string): Promise<FaultyProxy> {
  const requests: string[] = [];
  const proxy: Pick<FaultyProxy, "fault" | "hungUp"> = { fault: () => undefined, hungUp: 0 };
  const server = createServer((request, response) => {
    response.once("close", () => {
      if (!response.writableFinished) proxy.hungUp += 1;
    });
    const [method, path] = [request.method ?? "", request.url ?? ""];
    requests.push(`${method} ${path}`);
    void pass(target, request, response, proxy.fault(method, path));
  });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
  return Object.assign(proxy, {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}

async function pass(target: string, request: IncomingMessage, response: ServerResponse, fault: Fault | undefined): Promise<void> {
  const body = await buffer(request);
  if (typeof fault === "object") {
    response.writeHead(fault.status, { "content-type": "application/xml" }).end(request.method === "HEAD" ? "" : (fault.body ?? ""));
    return;
  }
  const { method, headers } = request;
  const answer = await new Promise<IncomingMessage>((resolve, reject) =>
    forward(new URL(request.url ?? "/", target), { method, headers }, resolve)
      .once("error", reject)
      .end(body),
  );
  const content = await buffer(answer);
  if (fault === "lose the answer") {
    response.destroy();
    return;
  }
  response.writeHead(answer.statusCode ?? 500, answer.headers);
  if (fault === "cut the answer") response.write(content.subarray(0, content.length / 2), () => response.destroy());
  else response.end(content);
}

/** An error as S3 says it. */
export function s3Error(status: number, code: string, message = code): Fault {
  return { status, body: `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${message}</Message></Error>` };
}
