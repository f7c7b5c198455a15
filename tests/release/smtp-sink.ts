import { createServer, type Socket } from "node:net";

export interface Mail {
  /** Addresses of the envelope. */
  readonly from: string;
  readonly to: readonly string[];
  /** The headers and the body as they came. */
  readonly raw: string;
  readonly subject: string;
  /** The HTML, decoded. */
  readonly html: string;
}

export interface SmtpSink {
  readonly port: number;
  readonly mails: readonly Mail[];
  stop(): Promise<void>;
}

/** A mail server on a free port of the loopback that keeps what it is sent. */
export async function startSmtpSink(): Promise<SmtpSink> {
  const mails: Mail[] = [];
  const server = createServer((socket) => converse(socket, mails));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the sink has no port");
  return { port: address.port, mails, stop: () => new Promise((resolve) => server.close(() => resolve())) };
}

/** RFC 5321, as much of it as a client that trusts the server asks for. */
function converse(socket: Socket, mails: Mail[]): void {
  let buffer = "";
  let from = "";
  let to: string[] = [];
  let inData = false;
  const say = (line: string): void => void socket.write(`${line}\r\n`);
  const command = (line: string): void => {
    const address = /<(.*)>/.exec(line)?.[1] ?? "";
    if (/^MAIL FROM:/i.test(line)) from = address;
    if (/^RCPT TO:/i.test(line)) to.push(address);
    if (/^DATA/i.test(line)) {
      inData = true;
      say("354 go ahead");
    } else if (/^QUIT/i.test(line)) {
      say("221 bye");
      socket.end();
    } else say("250 ok");
  };
  const finish = (raw: string): void => {
    mails.push({ from, to, raw, ...parse(raw) });
    [from, to, inData] = ["", [], false];
    say("250 kept");
  };
  socket.setEncoding("utf8");
  socket.on("error", () => socket.destroy());
  socket.on("data", (data: string) => {
    buffer += data;
    for (;;) {
      const end = inData ? buffer.indexOf("\r\n.\r\n") : buffer.indexOf("\r\n");
      if (end < 0) return;
      const part = buffer.slice(0, end);
      buffer = buffer.slice(end + (inData ? 5 : 2));
      if (inData) finish(part);
      else command(part);
    }
  });
  say("220 sink");
}

function parse(raw: string): { subject: string; html: string } {
  const subject = /^Subject: (.*)$/m.exec(raw)?.[1]?.trim() ?? "";
  const part = /Content-Type: text\/html[\s\S]*?\r\n\r\n([\s\S]*?)(?=\r\n--|$)/.exec(raw);
  const base64 = /Content-Transfer-Encoding: base64/i.test(part?.[0] ?? "");
  const body = part?.[1] ?? "";
  return { subject, html: base64 ? Buffer.from(body, "base64").toString("utf8") : body };
}
