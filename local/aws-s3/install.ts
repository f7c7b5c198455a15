import { fileURLToPath } from "node:url";
import type pg from "pg";

export interface AwsS3Options {
  readonly endpoint: string;
  readonly region: string;
  /** RDS begins another file beyond about 6 GB. */
  readonly partBytes?: number;
}

/**
 * Stands in for RDS's extension `aws_s3`: the schemas `aws_s3` and `aws_commons` in the database of this superuser's connection.
 * "Exporting data from an RDS for PostgreSQL DB instance to Amazon S3", "Function reference".
 */
export async function installAwsS3(admin: pg.Client, options: AwsS3Options): Promise<void> {
  const program = fileURLToPath(new URL("upload.ts", import.meta.url));
  const partBytes = options.partBytes ?? 6 * 1024 ** 3;
  await admin.query(sql([process.execPath, program, options.endpoint, String(partBytes)].map(quoteForShell).join(" "), options.region));
}

function quoteForShell(word: string): string {
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

function sql(command: string, region: string): string {
  const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;
  return String.raw`
CREATE SCHEMA IF NOT EXISTS aws_commons;
CREATE SCHEMA IF NOT EXISTS aws_s3;
DO $do$ BEGIN
  IF to_regtype('aws_commons._s3_uri_1') IS NULL THEN CREATE TYPE aws_commons._s3_uri_1 AS (bucket text, file_path text, region text); END IF;
END $do$;
CREATE OR REPLACE FUNCTION aws_commons.create_s3_uri(s3_bucket text, s3_key text, s3_region text) RETURNS aws_commons._s3_uri_1
  LANGUAGE sql IMMUTABLE AS $$ SELECT (s3_bucket, s3_key, s3_region)::aws_commons._s3_uri_1 $$;

CREATE OR REPLACE FUNCTION aws_s3.double_upload(query text, bucket text, file_path text, options text,
  OUT rows_uploaded bigint, OUT files_uploaded bigint, OUT bytes_uploaded bigint)
  LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  report text := 'aws_s3_' || pg_backend_pid() || '.json';
  command text := ${literal(command)};
  word text;
  answer json;
BEGIN
  FOREACH word IN ARRAY ARRAY[bucket, file_path, report] LOOP
    command := command || ' ''' || replace(word, '''', '''\''''') || '''';
  END LOOP;
  EXECUTE format('COPY (%s) TO PROGRAM %L %s', query, command, CASE WHEN coalesce(options, '') = '' THEN '' ELSE 'WITH (' || options || ')' END);
  GET DIAGNOSTICS rows_uploaded = ROW_COUNT;
  answer := pg_read_file(report)::json;
  files_uploaded := (answer->>'files')::bigint;
  bytes_uploaded := (answer->>'bytes')::bigint;
END $$;

CREATE OR REPLACE FUNCTION aws_s3.query_export_to_s3(query text, s3_info aws_commons._s3_uri_1, options text DEFAULT NULL, kms_key text DEFAULT NULL,
  OUT rows_uploaded bigint, OUT files_uploaded bigint, OUT bytes_uploaded bigint) LANGUAGE plpgsql AS $$
BEGIN
  IF s3_info.region IS DISTINCT FROM ${literal(region)} THEN
    RAISE EXCEPTION 'could not upload to Amazon S3' USING DETAIL = 'The bucket is in another region.';
  END IF;
  -- The upload runs as the superuser; here the caller's own rights to what it reads are checked.
  EXECUTE format('SELECT FROM (%s) AS q LIMIT 0', query);
  SELECT * INTO rows_uploaded, files_uploaded, bytes_uploaded
    FROM aws_s3.double_upload(query, s3_info.bucket, s3_info.file_path, options);
END $$;
CREATE OR REPLACE FUNCTION aws_s3.query_export_to_s3(query text, bucket text, file_path text, region text DEFAULT NULL, options text DEFAULT NULL,
  kms_key text DEFAULT NULL, OUT rows_uploaded bigint, OUT files_uploaded bigint, OUT bytes_uploaded bigint) LANGUAGE sql AS
  $$ SELECT * FROM aws_s3.query_export_to_s3(query, aws_commons.create_s3_uri(bucket, file_path, coalesce(region, ${literal(region)})), options, kms_key) $$;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA aws_s3, aws_commons FROM PUBLIC;
`;
}
