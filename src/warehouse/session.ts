/**
 * One connection to PostgreSQL or to Redshift; src/services has the adapters. Its methods throw TransientError and UserError;
 * anything else is a bug in the SQL.
 */
export interface Session {
  query<Row extends object>(sql: string, values?: readonly unknown[]): Promise<{ rows: Row[]; rowCount: number }>;
  /** Drops the connection at once, so that an open transaction is rolled back. */
  abort(): void;
  end(): Promise<void>;
}

/** Runs `work` on a connection of its own, which is ended whatever happens. */
export async function withSession<T>(connect: () => Promise<Session>, work: (session: Session) => Promise<T>): Promise<T> {
  const session = await connect();
  try {
    return await work(session);
  } finally {
    // A connection that is gone can't be ended; what `work` threw is what counts.
    await session.end().catch(() => session.abort());
  }
}
