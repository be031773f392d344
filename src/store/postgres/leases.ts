import { randomUUID } from 'node:crypto';
import type { Lease, Leases } from '../leases.ts';
import type { PostgresDatabase, Transaction } from './database.ts';

/** A lease, with what fences a transaction that is done under it. */
export interface PostgresLease extends Lease {
  /** Has it for so long from now if nobody else has had it, and keeps it from everybody until the transaction ends. */
  renewIn(sql: Transaction, ttlMs: number): Promise<boolean>;
}

/**
 * Leases as rows, not as locks of a session, which there is none of behind PgBouncer. All times are those of the server, so that clocks
 * of processes do not matter.
 */
export interface PostgresLeases extends Leases {
  take(name: string, ttlMs: number): Promise<PostgresLease | undefined>;
}

const takeText = `
  INSERT INTO leases AS lease (name, holder, fence, expires_at)
  VALUES ($1, $2, 1, clock_timestamp() + $3::bigint * interval '1 millisecond')
  ON CONFLICT (name) DO UPDATE
  SET holder = excluded.holder, fence = lease.fence + 1, expires_at = excluded.expires_at
  WHERE lease.expires_at <= clock_timestamp() OR lease.holder = excluded.holder
  RETURNING fence`;

const renewText = `
  UPDATE leases SET expires_at = clock_timestamp() + $4::bigint * interval '1 millisecond'
  WHERE name = $1 AND holder = $2 AND fence = $3`;

export function createPostgresLeases(database: PostgresDatabase): PostgresLeases {
  return {
    async take(name, ttlMs) {
      // Whoever takes it again because the answer was lost is the holder already.
      const holder = randomUUID();
      const taken = await database.write((sql) =>
        sql.all<{ fence: number }>(takeText, [name, holder, Math.ceil(ttlMs)]),
      );
      if (taken.length === 0) return undefined;
      const { fence } = taken[0]!;
      const renewIn = async (sql: Transaction, forMs: number) =>
        (await sql.run(renewText, [name, holder, fence, Math.ceil(forMs)])) > 0;
      const renew = (forMs: number) => database.write((sql) => renewIn(sql, forMs));
      const release = async (heldForMs = 0) => void (await renew(heldForMs));
      return { fence, renewIn, renew, release };
    },
  };
}
