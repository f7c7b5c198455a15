import { writeFileSync } from "node:fs";
import { PassThrough } from "node:stream";
import { S3Client } from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";

// PostgreSQL starts this with the rows on its standard input, in its data folder. moto checks no signatures, so these are no secret.
const [endpoint = "", partBytes = "", bucket = "", key = "", report = ""] = process.argv.slice(2);
const s3 = new S3Client({
  endpoint,
  region: "us-east-1",
  credentials: { accessKeyId: "local", secretAccessKey: "local" },
  forcePathStyle: true,
});

interface Part {
  readonly body: PassThrough;
  readonly done: Promise<unknown>;
}

function openPart(number: number): Part {
  const body = new PassThrough();
  const Key = number === 1 ? key : `${key}_part${number}`;
  return { body, done: new Upload({ client: s3, params: { Bucket: bucket, Key, Body: body }, queueSize: 1 }).done() };
}

const limit = Number(partBytes);
let files = 1;
let bytes = 0;
let inPart = 0;
let quoted = false;
let part = openPart(1);

/** Where the first row ends in what comes when the part is full, or -1. A line break in quotes ends no row. */
function cutAt(chunk: Buffer): number {
  for (let at = 0; at < chunk.length; at++) {
    if (chunk[at] === 34) quoted = !quoted;
    else if (chunk[at] === 10 && !quoted && inPart + at + 1 >= limit) return at + 1;
  }
  return -1;
}

async function write(chunk: Buffer): Promise<void> {
  inPart += chunk.length;
  bytes += chunk.length;
  if (!part.body.write(chunk)) await Promise.race([new Promise<void>((resolve) => part.body.once("drain", resolve)), part.done]);
}

for await (let chunk of process.stdin as AsyncIterable<Buffer>) {
  for (let cut = cutAt(chunk); cut !== -1 && chunk.length > 0; cut = cutAt(chunk)) {
    await write(chunk.subarray(0, cut));
    chunk = chunk.subarray(cut);
    part.body.end();
    await part.done;
    part = openPart(++files);
    inPart = 0;
  }
  if (chunk.length > 0) await write(chunk);
}
part.body.end();
await part.done;
writeFileSync(report, JSON.stringify({ files, bytes }));
