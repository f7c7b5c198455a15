// A sync of many files in a process of its own, for the test that kills it half-way.
import { text } from "node:stream/consumers";
import { sync } from "../../src/deploy/sync.ts";
import { silentLog } from "../../src/log.ts";
import { S3ObjectStore, type S3Settings } from "../../src/services/s3.ts";
import { makeRelease } from "./make-release.ts";

const settings = JSON.parse(process.argv[2] ?? "") as S3Settings;
const store = new S3ObjectStore({
  ...settings,
  credentials: JSON.parse(await text(process.stdin)) as NonNullable<S3Settings["credentials"]>,
});
await sync(makeRelease({ dags: 400 }), store, { commit: null, now: new Date(), log: silentLog });
