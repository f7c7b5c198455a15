/** Where a try of a move exports to. A key of its own for each, since parts of an earlier, larger try would stay beside those of a later one. */
export function exportKey(table: string, loadId: string, sequence: string, attempt: string): string {
  return `exports/${table}/${loadId}/${sequence}/${attempt}/rows`;
}

/**
 * The keys that an export wrote: the first file has the key itself, those after it end in `_part2`, `_part3`, …
 * (RDS, "Exporting query data using the aws_s3.query_export_to_s3 function").
 */
export function exportedKeys(key: string, files: number): string[] {
  return Array.from({ length: files }, (_, index) => (index === 0 ? key : `${key}_part${index + 1}`));
}

/** Names exactly these files; a missing one fails the COPY (Redshift, "Using a manifest to specify data files": `mandatory` is false by default). */
export function manifestOf(bucket: string, keys: readonly string[]): string {
  return JSON.stringify({ entries: keys.map((key) => ({ url: `s3://${bucket}/${key}`, mandatory: true })) });
}
