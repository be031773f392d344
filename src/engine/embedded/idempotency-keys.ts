import type { Sql } from '../../sqlite/database.ts';
import type { Idempotency } from '../engine.ts';
import { keyReused } from '../refusals.ts';
import { openedRun, type RunRow } from './journal.ts';

/** The run that has a key now; throws `idempotency_key_reused` when it was started with another request. */
export function holderOf(sql: Sql, { key, fingerprint }: Idempotency, now: number): RunRow | undefined {
  const holder = sql.get<RunRow & { fingerprint: string }>(
    `SELECT runs.*, keys.fingerprint FROM idempotency_keys AS keys JOIN runs ON runs.id = keys.run
     WHERE keys.key = ? AND keys.expires_at > ?`,
    key,
    now,
  );
  if (holder !== undefined && holder.fingerprint !== fingerprint) throw keyReused(key);
  return holder && openedRun(sql, holder);
}

/** Gives a key to a run. */
export function putKey(sql: Sql, { key, fingerprint, expiresAt }: Idempotency, run: number): void {
  sql.run('INSERT OR REPLACE INTO idempotency_keys VALUES (?, ?, ?, ?)', key, run, fingerprint, expiresAt);
}

const purgedAtOnce = 500;

/** Deletes some of the keys that have expired; returns how many. */
export function purgeExpiredKeys(sql: Sql, now: number): number {
  const { changes } = sql.run(
    `DELETE FROM idempotency_keys WHERE key IN
       (SELECT key FROM idempotency_keys WHERE expires_at <= ? ORDER BY expires_at LIMIT ${purgedAtOnce})`,
    now,
  );
  return changes;
}
