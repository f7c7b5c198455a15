import { Duration } from "aws-cdk-lib";
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
  type IBucket,
  type LifecycleRule,
  ObjectOwnership,
  StorageClass,
} from "aws-cdk-lib/aws-s3";
import { Construct } from "constructs";
import { acknowledge } from "./acknowledge.ts";
import type { Config } from "./config.ts";
import { MARKERS, UPLOADS } from "./keys.ts";
import { bucketName } from "./names.ts";
import { retained } from "./retained.ts";

interface Kind {
  readonly rules: LifecycleRule[];
  /** How long a version lives that was overwritten or deleted, in days; null: there are none. */
  readonly oldVersionDays: number | null;
  readonly encryption?: BucketEncryption;
}

/** The bucket of releases, the one of staged files, the one of exports to the warehouse, and one for what they and the host log. */
export class Buckets extends Construct {
  readonly dags: Bucket;
  readonly staging: Bucket;
  /** As text of its own, for what has to exist before the bucket. */
  readonly stagingName: string;
  /** What PostgreSQL writes and Redshift reads. */
  readonly exports: Bucket;
  readonly logs: Bucket;

  constructor(scope: Construct, id: string, config: Config) {
    super(scope, id);
    this.stagingName = bucketName(this, config, "staging");
    const bucket = (name: string, which: keyof Config["buckets"], { rules, oldVersionDays, encryption }: Kind, logs?: IBucket): Bucket =>
      new Bucket(this, name, {
        bucketName: bucketName(this, config, which),
        versioned: oldVersionDays !== null,
        encryption: encryption ?? BucketEncryption.S3_MANAGED,
        enforceSSL: true,
        minimumTLSVersion: 1.2,
        blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
        objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
        removalPolicy: retained(config),
        lifecycleRules: [
          { id: "unfinished-uploads", abortIncompleteMultipartUploadAfter: Duration.days(7) },
          ...(oldVersionDays === null
            ? []
            : [{ id: "old-versions", noncurrentVersionExpiration: Duration.days(oldVersionDays), expiredObjectDeleteMarker: true }]),
          ...rules,
        ],
        ...(logs === undefined ? {} : { serverAccessLogsBucket: logs, serverAccessLogsPrefix: `s3/${name.toLowerCase()}/` }),
      });
    this.logs = bucket("Logs", "logs", {
      rules: [{ id: "logs", expiration: Duration.days(config.watching.logDays) }],
      oldVersionDays: 1,
    });
    // Releases never expire: a rollback takes any of them.
    this.dags = bucket("Dags", "dags", { rules: [], oldVersionDays: 90 }, this.logs as IBucket);
    this.staging = bucket("Staging", "staging", { rules: stagingRules, oldVersionDays: 1 }, this.logs as IBucket);
    // RDS does not export to a bucket with S3's own keys (RDS, "Exporting data from an RDS for PostgreSQL DB instance to Amazon S3"); with the account's aws/s3 key
    // nobody needs a right to the key.
    const exported = {
      rules: [{ id: "exports", expiration: Duration.days(7) }],
      oldVersionDays: null,
      encryption: BucketEncryption.KMS_MANAGED,
    };
    this.exports = bucket("Exports", "exports", exported, this.logs as IBucket);
    acknowledge(this.logs, { S1: "It is where access logs go; logging its own access would feed itself." });
  }
}

/**
 * An expiration makes the object an old version, which the rule for those removes a day later: S3, "Expiring objects". So what is staged, or written
 * again by a retry, is really gone then.
 */
const stagingRules: LifecycleRule[] = [
  {
    id: "staged-files",
    prefix: "staging/",
    transitions: [{ storageClass: StorageClass.INFREQUENT_ACCESS, transitionAfter: Duration.days(30) }],
    expiration: Duration.days(365),
  },
  { id: "uploads", prefix: UPLOADS, expiration: Duration.days(365) },
  { id: "markers", prefix: MARKERS, expiration: Duration.days(30) },
];
