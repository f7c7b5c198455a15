import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { TransientError, UserError } from "../../src/errors.ts";
import { AirflowApi } from "../../src/services/airflow-api.ts";
import { AirflowHost } from "../../src/services/airflow-host.ts";

const dir = mkdtempSync(join(tmpdir(), "dagline-api-"));
const passwordFile = join(dir, "passwords.json");
writeFileSync(passwordFile, '{"admin":"secret"}');
let answer: (response: ServerResponse) => void;
const server = createServer((request, response) => {
  if (request.url === "/auth/token") json(response, 201, '{"access_token":"t"}');
  else answer(response);
});
test.before(() => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve)));
test.after(() => {
  server.closeAllConnections();
  server.close();
  rmSync(dir, { recursive: true, force: true });
});

for (const [what, given, kind, message] of [
  ["an answer that breaks off", breakOff, TransientError, "does not answer"],
  ["an answer that is no JSON", (response: ServerResponse) => json(response, 200, "<html>"), TransientError, "does not answer"],
  ["a broken connection", (response: ServerResponse) => response.destroy(), TransientError, "does not answer"],
  ["a server error", (response: ServerResponse) => json(response, 503, "{}"), TransientError, "status 503"],
  ["too many requests", (response: ServerResponse) => json(response, 429, "{}"), TransientError, "status 429"],
  ["a user without the right", (response: ServerResponse) => json(response, 403, "{}"), UserError, "may not ask for /importErrors"],
  ["a refused token", (response: ServerResponse) => json(response, 401, "{}"), UserError, "may not ask for /importErrors"],
  ["another version of Airflow", (response: ServerResponse) => json(response, 404, "{}"), UserError, "refuses /importErrors"],
] as const) {
  test(`${what} is an error of the right kind`, async () => {
    answer = given;
    const { port } = server.address() as AddressInfo;
    const api = new AirflowApi({ url: `http://127.0.0.1:${port}`, user: "admin", passwordFile });
    try {
      await new AirflowHost(api, "dagline").importErrors();
    } catch (error) {
      assert.instance(error, kind);
      assert.match((error as Error).message, message);
      return;
    }
    assert.unreachable();
  });
}

function json(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { "content-type": "application/json" }).end(body);
}

function breakOff(response: ServerResponse): void {
  response.writeHead(200, { "content-type": "application/json", "content-length": "100" });
  response.write("{", () => response.destroy());
}

test.run();
