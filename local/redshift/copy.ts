import { GetObjectCommand, ListObjectsV2Command, NoSuchKey, type S3Client } from "@aws-sdk/client-s3";

/** A COPY as Redshift takes it. "COPY", "Data format parameters", "Data conversion parameters". */
export interface CopyStatement {
  readonly target: string;
  readonly bucket: string;
  readonly key: string;
  readonly iamRole: string;
  readonly manifest: boolean;
  readonly nullAs: string;
}

/** What Redshift answers when a COPY fails. */
export class CopyError extends Error {}

const options: Readonly<Record<string, RegExp>> = {
  manifest: /\bmanifest\b/i,
  csv: /\b(format\s+(as\s+)?)?csv\b/i,
  nullAs: /\bnull\s+as\s+'((?:[^']|'')*)'/i,
  time: /\btimeformat\s+(as\s+)?'auto'/i,
  date: /\bdateformat\s+(as\s+)?'auto'/i,
  roundec: /\broundec\b/i,
  maxError: /\bmaxerror\s+(as\s+)?0\b/i,
  compUpdate: /\bcompupdate\s+(on|off|true|false|preset)\b/i,
  region: /\bregion\s+(as\s+)?'[^']*'/i,
  statUpdate: /\bstatupdate\s+(on|off|true|false)\b/i,
};

export function readCopy(sql: string): CopyStatement {
  const match = /^copy\s+([\s\S]+?)\s+from\s+'s3:\/\/([^/']+)\/([^']*)'\s+(?:iam_role|credentials)\s+'([^']*)'\s*([\s\S]*)$/i.exec(sql);
  if (match === null) throw new CopyError("the double knows COPY only from 's3://…' with IAM_ROLE");
  const [, target = "", bucket = "", key = "", iamRole = "", words = ""] = match;
  const unknown = Object.values(options)
    .reduce((rest, option) => rest.replace(option, " "), words)
    .trim();
  if (unknown !== "") throw new CopyError(`the double does not know this option of COPY: ${unknown}`);
  if (!options.csv?.test(words)) throw new CopyError("the double knows COPY only with CSV");
  // Without it Redshift cuts surplus decimals off, and reads only its own form of a time.
  for (const option of ["roundec", "time", "date"])
    if (!options[option]?.test(words))
      throw new CopyError(`the double knows COPY only with ROUNDEC, TIMEFORMAT 'auto' and DATEFORMAT 'auto'`);
  const nullAs = options.nullAs?.exec(words)?.[1];
  // Redshift's string literals know backslashes: '\N' and '\\N' are both \N.
  return {
    target,
    bucket,
    key,
    iamRole,
    manifest: options.manifest?.test(words) === true,
    nullAs: (nullAs ?? "\\N").replaceAll("\\\\", "\\"),
  };
}

interface Place {
  readonly bucket: string;
  readonly key: string;
}

/** The files that a COPY reads, in order; one that a manifest lists twice is there twice. "Using a manifest to specify data files". */
export async function filesOf(s3: S3Client, copy: CopyStatement): Promise<Place[]> {
  const places = copy.manifest ? await readManifest(s3, copy) : await listPrefix(s3, copy);
  if (places.length === 0) throw new CopyError(`The specified S3 prefix '${copy.key}' does not exist`);
  return places;
}

interface Manifest {
  readonly entries?: readonly { readonly url: string; readonly mandatory?: boolean }[];
}

async function readManifest(s3: S3Client, { bucket, key }: CopyStatement): Promise<Place[]> {
  const text = await (await openObject(s3, { bucket, key }))?.transformToString();
  if (text === undefined)
    throw new CopyError(`Problem reading manifest file - S3ServiceException: The specified key does not exist: ${key}`);
  let manifest: Manifest;
  try {
    manifest = JSON.parse(text) as Manifest;
  } catch {
    throw new CopyError("Problem reading manifest file - invalid JSON");
  }
  const places: Place[] = [];
  for (const entry of manifest.entries ?? []) {
    const match = /^s3:\/\/([^/]+)\/(.+)$/.exec(entry.url);
    if (match === null) throw new CopyError(`Problem reading manifest file - invalid url ${entry.url}`);
    const place = { bucket: match[1] ?? "", key: match[2] ?? "" };
    const [found] = await listPrefix(s3, place);
    if (found?.key === place.key) places.push(place);
    else if (entry.mandatory === true) throw new CopyError(`Problem reading manifest file - mandatory url ${entry.url} was not found`);
  }
  return places;
}

/** "COPY from Amazon S3": a prefix takes every object whose name begins so. */
async function listPrefix(s3: S3Client, { bucket, key }: Place): Promise<Place[]> {
  const places: Place[] = [];
  let token: string | undefined;
  do {
    const page = await s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: key, ContinuationToken: token }));
    places.push(...(page.Contents ?? []).map((object) => ({ bucket, key: object.Key ?? "" })));
    token = page.NextContinuationToken;
  } while (token !== undefined);
  return places;
}

export async function openObject(s3: S3Client, { bucket, key }: Place) {
  try {
    return (await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }))).Body;
  } catch (error) {
    if (error instanceof NoSuchKey) return undefined;
    throw error;
  }
}
