import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { recordProcess } from "./process.ts";
import { fillDocument, readDocuments } from "./ssm-documents.ts";
import { type Invocation, startInvocation } from "./ssm-invocation.ts";
import { isSignedBy } from "./verify-signature.ts";

export interface LocalSsm {
  readonly endpoint: string;
  /** Ends commands that still run, with everything that they started, then the server. */
  stop(): Promise<void>;
}

export interface SsmServerOptions {
  /** The folder of documents that may be run; no other command can be. */
  readonly documentsDir: string;
  /** The name that this machine has as the host. */
  readonly instanceId: string;
  /** The environment that a document's script runs in. */
  readonly env: NodeJS.ProcessEnv;
  readonly region: string;
  /** A request that is not signed with these is refused: on a shared machine, others reach this port, too. */
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** The stack's folder, in whose list of processes each script is written down: `stopRecorded` ends it even after a crash of ours. */
  readonly dir?: string;
  /** The instance's tags, for commands that name it by one. */
  readonly tags?: Readonly<Record<string, string>>;
}

type Body = Readonly<Record<string, unknown>>;

/** An error as SSM's JSON protocol sends it. */
class SsmError extends Error {
  readonly type: string;

  constructor(type: string, message: string) {
    super(message);
    this.type = type;
  }
}

/**
 * AWS Systems Manager for one instance, which is this machine: speaks the AWS JSON 1.1 protocol for the calls that dagline makes,
 * and truly runs a document's script. Listens on 127.0.0.1.
 */
export async function startSsmServer(options: SsmServerOptions): Promise<LocalSsm> {
  const documents = readDocuments(options.documentsDir);
  const invocations = new Map<string, Invocation>();
  const commands: Body[] = [];

  const operations: Record<string, (body: Body) => Body> = {
    SendCommand(body) {
      const name = String(body.DocumentName);
      const document = documents.get(name);
      if (document === undefined) throw new SsmError("InvalidDocument", `Document with name ${name} does not exist.`);
      const instances = Array.isArray(body.InstanceIds) ? body.InstanceIds : [];
      if (instances.length !== 1 || instances[0] !== options.instanceId) {
        throw new SsmError("InvalidInstanceId", `Instances [[${instances.join(", ")}]] not in a valid state for account`);
      }
      const filled = fillDocument(document, (body.Parameters ?? {}) as Body);
      if ("refused" in filled)
        throw new SsmError("InvalidParameters", `Parameters not allowed or not matching their pattern: ${filled.refused.join(", ")}`);
      const id = randomUUID();
      const invocation = startInvocation(filled.script, options.env, document.timeoutSeconds);
      invocations.set(id, invocation);
      if (options.dir !== undefined && invocation.pid !== undefined) recordProcess(options.dir, name, invocation.pid);
      const { OutputS3BucketName, OutputS3KeyPrefix, CloudWatchOutputConfig } = body;
      const output = { OutputS3BucketName, OutputS3KeyPrefix, CloudWatchOutputConfig };
      const command = { CommandId: id, DocumentName: name, InstanceIds: instances, Status: "Pending", StatusDetails: "Pending", ...output };
      commands.push(command);
      return { Command: command };
    },
    GetCommandInvocation(body) {
      const { status, exitCode, stdout, stderr } = find(body).state();
      return {
        CommandId: body.CommandId,
        InstanceId: options.instanceId,
        Status: status,
        StatusDetails: status,
        ResponseCode: exitCode,
        StandardOutputContent: stdout,
        StandardErrorContent: stderr,
      };
    },
    ListCommands(body) {
      return { Commands: commands.filter(({ CommandId }) => body.CommandId === undefined || CommandId === body.CommandId) };
    },
    ListCommandInvocations(body) {
      const chosen = [...invocations].filter(([id]) => body.CommandId === undefined || id === body.CommandId);
      return {
        CommandInvocations: chosen.map(([id, invocation]) => ({
          CommandId: id,
          InstanceId: options.instanceId,
          Status: invocation.state().status,
        })),
      };
    },
    CancelCommand(body) {
      find(body).cancel();
      return {};
    },
    DescribeInstanceInformation(body) {
      const filters = (Array.isArray(body.Filters) ? body.Filters : []) as { Key?: string; Values?: string[] }[];
      const matches = filters.every(({ Key = "", Values = [] }) => {
        const value = Key === "InstanceIds" ? options.instanceId : options.tags?.[Key.replace(/^tag:/, "")];
        return value !== undefined && Values.includes(value);
      });
      const here = { InstanceId: options.instanceId, PingStatus: "Online", PlatformType: "Linux" };
      return { InstanceInformationList: matches ? [here] : [] };
    },
  };
  const find = (body: Body): Invocation => {
    const invocation = invocations.get(String(body.CommandId));
    if (invocation === undefined) throw new SsmError("InvocationDoesNotExist", "");
    return invocation;
  };

  const server = createServer((request, response) => {
    answer(options, operations, request, response).catch((error: unknown) => {
      const [type, message] = error instanceof SsmError ? [error.type, error.message] : ["InternalServerError", String(error)];
      send(response, error instanceof SsmError ? 400 : 500, { __type: type, message });
    });
  });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      for (const invocation of invocations.values()) invocation.cancel();
      await Promise.all([...invocations.values()].map((invocation) => invocation.ended));
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(
  options: SsmServerOptions,
  operations: Record<string, (body: Body) => Body>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await readBody(request);
  const { method = "", url: path = "", headers } = request;
  if (!(await isSignedBy(options.credentials, options.region, "ssm", { method, path, headers, body }))) {
    throw new SsmError("UnrecognizedClientException", "The security token included in the request is invalid.");
  }
  const name = /^AmazonSSM\.(\w+)$/.exec(String(headers["x-amz-target"]))?.[1] ?? "";
  const operation = Object.hasOwn(operations, name) ? operations[name] : undefined;
  if (operation === undefined) throw new SsmError("UnknownOperationException", `unknown operation ${name}`);
  send(response, 200, operation(parseBody(body)));
}

function parseBody(bytes: Buffer): Body {
  try {
    const value: unknown = JSON.parse(bytes.toString("utf8"));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Body;
  } catch {
    // the error below says it
  }
  throw new SsmError("SerializationException", "the request's body is no JSON object");
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > 1 << 20) throw new SsmError("MaxDocumentSizeExceeded", "a request is at most 1 MiB");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function send(response: ServerResponse, status: number, body: Body): void {
  response.writeHead(status, { "content-type": "application/x-amz-json-1.1", "x-amzn-requestid": randomUUID() }).end(JSON.stringify(body));
}
