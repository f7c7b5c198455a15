/** Takes a file's records, in pieces: a piece that `ends` a record is its last one. The bytes may be used again after the call. */
export type TakeRecord = (bytes: Buffer, ends: boolean) => void;

/** Splits a file into records as its chunks arrive. */
export interface RecordScan {
  push(chunk: Buffer): void;
  /** At the end of the file: what is wrong with it as a whole, so that nobody can say which records it has; null when all is well. */
  end(): string | null;
}

/** The same scan of what comes after a UTF-8 byte order mark, if the file begins with one. */
export function afterByteOrderMark(scan: RecordScan): RecordScan {
  let head: Buffer | null = Buffer.alloc(0);
  return {
    push(chunk) {
      if (head === null) return scan.push(chunk);
      head = Buffer.concat([head, chunk]);
      if (head.length < byteOrderMark.length) return;
      scan.push(head.subarray(head.indexOf(byteOrderMark) === 0 ? byteOrderMark.length : 0));
      head = null;
    },
    end() {
      if (head !== null) scan.push(head);
      return scan.end();
    },
  };
}

const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);
