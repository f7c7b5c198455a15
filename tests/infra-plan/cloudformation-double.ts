import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { CloudFormationStacks } from "../../src/services/cloudformation.ts";

/** A stack of the double. What `script` holds happens one step with each DescribeStacks, once a change set was executed. */
export interface DoubledStack {
  status: string;
  template?: object;
  outputs?: Readonly<Record<string, string>>;
  tags?: Readonly<Record<string, string>>;
  events?: DoubledEvent[];
  /** Entries of the change set that any preparation makes. */
  changeSet?: readonly { readonly id: string; readonly type: string; readonly action: string; readonly replacement?: string }[];
  script?: DoubledEvent[];
}

/** [status, logical id (null: the stack itself), type, reason] */
type DoubledEvent = readonly [status: string, id?: string | null, type?: string | undefined, reason?: string];

/** CloudFormation's query protocol on a port of this machine: XML as the real one answers, as far as the adapter asks. */
export class CloudFormationDouble {
  readonly stacks = new Map<string, DoubledStack>();
  /** By action: the code, the message and the HTTP status that it is refused with. */
  readonly refusals = new Map<string, readonly [code: string, message: string, status: number]>();
  readonly calls: string[] = [];
  readonly #running = new Set<string>();
  #server: Server | undefined;

  async start(): Promise<CloudFormationStacks> {
    const server = createServer((request, response) => {
      let body = "";
      request.on("data", (chunk: Buffer) => {
        body += chunk.toString();
      });
      request.on("end", () => {
        const [status, xml] = this.#answer(new URLSearchParams(body));
        response.writeHead(status, { "content-type": "text/xml" }).end(xml);
      });
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const credentials = { accessKeyId: "AKIADOUBLE", secretAccessKey: "none" };
    return new CloudFormationStacks({ region: "eu-west-2", endpoint: `http://127.0.0.1:${port}`, credentials });
  }

  stop(): void {
    this.#server?.closeAllConnections();
    this.#server?.close();
  }

  #answer(query: URLSearchParams): [number, string] {
    const action = query.get("Action") ?? "";
    const name = query.get("StackName") ?? "";
    this.calls.push(`${action} ${name}`);
    const refusal = this.refusals.get(action);
    if (refusal !== undefined) return error(...refusal);
    const stack = this.stacks.get(name);
    if (stack === undefined) return error("ValidationError", `Stack with id ${name} does not exist`, 400);
    const result = this.#result(action, name, stack);
    return [200, `<${action}Response><${action}Result>${result}</${action}Result></${action}Response>`];
  }

  #result(action: string, name: string, stack: DoubledStack): string {
    if (action === "DescribeStacks") return `<Stacks><member>${this.#describe(name, stack)}</member></Stacks>`;
    if (action === "GetTemplate") return tag("TemplateBody", JSON.stringify(stack.template ?? { Resources: {} }));
    if (action === "DescribeStackEvents") {
      const events = (stack.events ?? []).map(([status, id, type, reason], index) =>
        member(
          `${tag("EventId", String(index))}${tag("StackName", name)}${tag("LogicalResourceId", id ?? name)}${tag("ResourceType", type ?? "AWS::CloudFormation::Stack")}${tag("ResourceStatus", status)}${reason === undefined ? "" : tag("ResourceStatusReason", reason)}`,
        ),
      );
      return `<StackEvents>${events.reverse().join("")}</StackEvents>`;
    }
    if (action === "DescribeChangeSet") {
      const entries = (stack.changeSet ?? []).map(({ id, type, action: verb, replacement }) =>
        member(
          `<Type>Resource</Type><ResourceChange>${tag("Action", verb)}${tag("LogicalResourceId", id)}${tag("ResourceType", type)}${replacement === undefined ? "" : tag("Replacement", replacement)}</ResourceChange>`,
        ),
      );
      const status = stack.changeSet === undefined ? "FAILED" : "CREATE_COMPLETE";
      return `${tag("ChangeSetId", `arn:of:${name}`)}${tag("Status", status)}<Changes>${entries.join("")}</Changes>`;
    }
    if (action === "ExecuteChangeSet") this.#running.add(name);
    if (action === "CancelUpdateStack") stack.script = [["UPDATE_ROLLBACK_IN_PROGRESS"], ["UPDATE_ROLLBACK_COMPLETE"]];
    return "";
  }

  #describe(name: string, stack: DoubledStack): string {
    const step = this.#running.has(name) ? stack.script?.shift() : undefined;
    if (step !== undefined) {
      stack.events = [...(stack.events ?? []), step];
      if (step[1] == null) stack.status = step[0];
    }
    const pairs = (of: Readonly<Record<string, string>> | undefined, key: string): string =>
      Object.entries(of ?? {})
        .map(([one, value]) => member(`${tag(`${key}Key`, one)}${tag(`${key}Value`, value)}`))
        .join("");
    const tags = pairs(stack.tags, "");
    return `${tag("StackName", name)}${tag("StackId", `arn:aws:cloudformation:eu-west-2:123456789012:stack/${name}/1`)}${tag("StackStatus", stack.status)}${tag("CreationTime", "2026-01-01T00:00:00Z")}<Outputs>${pairs(stack.outputs, "Output")}</Outputs><Tags>${tags}</Tags>`;
  }
}

function error(code: string, message: string, status: number): [number, string] {
  return [status, `<ErrorResponse><Error><Type>Sender</Type>${tag("Code", code)}${tag("Message", message)}</Error></ErrorResponse>`];
}

function member(xml: string): string {
  return `<member>${xml}</member>`;
}

function tag(name: string, text: string): string {
  return `<${name}>${text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")}</${name}>`;
}
