import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/**
 * Stands before moto's CloudFormation and mends what it answers about change sets that are not there: AWS deletes them without an error,
 * and describes them as ChangeSetNotFound. CDK's command line deletes an old one before each update.
 */
export async function mendChangeSets(moto: string): Promise<{ readonly endpoint: string; stop(): void }> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const action = new URLSearchParams(body.toString()).get("Action");
    const headers = Object.entries(request.headers).flatMap(([name, value]): [string, string][] =>
      typeof value === "string" && !["host", "connection", "content-length"].includes(name) ? [[name, value]] : [],
    );
    const answer = await fetch(`${moto}${request.url}`, { method: "POST", headers, body });
    let [status, text] = [answer.status, await answer.text()];
    if (action === "DeleteChangeSet" && status === 500) {
      [status, text] = [200, "<DeleteChangeSetResponse><DeleteChangeSetResult/></DeleteChangeSetResponse>"];
    }
    if (action === "DescribeChangeSet" && status === 400) text = text.replace("<Code>ValidationError", "<Code>ChangeSetNotFound");
    response.writeHead(status, { "content-type": "text/xml" }).end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const stop = (): void => {
    server.closeAllConnections();
    server.close();
  };
  return { endpoint: `http://127.0.0.1:${port}`, stop };
}
