import { createHash } from 'node:crypto';
import type { RateLimit } from '../../core/rate-limit.ts';
import { createLocalRateLimits } from '../local/rate-limits.ts';
import type { Quota, RateLimits } from '../rate-limits.ts';
import type { PostgresDatabase, Transaction } from './database.ts';

interface Claim {
  readonly name: string;
  readonly limit: RateLimit;
  readonly quota: PromiseWithResolvers<Quota>;
}

interface WindowRow {
  readonly key: string;
  /** How many of the claims are allowed. */
  readonly taken: number;
  readonly remaining: number;
  readonly reset_ms: number;
}

/** In the order of their names, so that two processes never wait for each other. */
const takeText = `
  INSERT INTO rate_windows AS present (name, allowed, used, taken, ends_at)
  SELECT name, count, least(wanted, count), least(wanted, count),
    statement_timestamp() + window_ms * interval '1 millisecond'
  FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[]) AS claim (name, wanted, count, window_ms)
  ORDER BY name
  ON CONFLICT (name) DO UPDATE SET
    taken = CASE WHEN present.ends_at <= statement_timestamp() THEN excluded.taken
      ELSE least(excluded.taken, present.allowed - present.used) END,
    used = CASE WHEN present.ends_at <= statement_timestamp() THEN excluded.taken
      ELSE present.used + least(excluded.taken, present.allowed - present.used) END,
    ends_at = CASE WHEN present.ends_at <= statement_timestamp() THEN excluded.ends_at ELSE present.ends_at END
  RETURNING name AS key, taken, allowed - used AS remaining,
    greatest(0, ceil(1000 * extract(epoch FROM ends_at - statement_timestamp())))::bigint AS reset_ms`;

const cleanText = `
  DELETE FROM rate_windows WHERE name IN (
    SELECT name FROM rate_windows WHERE ends_at < statement_timestamp() LIMIT 10000 FOR UPDATE SKIP LOCKED)`;

const cleanEveryMs = 60_000;
/** A request does not wait long for a count. */
const patienceMs = 1_000;

/** Counts in the database what all processes let in: what comes while a statement is on its way goes together in the next. */
export function createPostgresRateLimits(database: PostgresDatabase): RateLimits {
  const alone = createLocalRateLimits();
  let waiting: Claim[] = [];
  let busy = false;
  let cleanedAt = performance.now();

  const takeAll = async () => {
    busy = true;
    while (waiting.length > 0) {
      const claims = waiting;
      waiting = [];
      await share(database, claims).catch(() => countAlone(claims));
      if (performance.now() - cleanedAt < cleanEveryMs) continue;
      cleanedAt = performance.now();
      await database.write((sql) => sql.run(cleanText), { patienceMs: 0 }).catch(() => {});
    }
    busy = false;
  };
  const countAlone = (claims: readonly Claim[]) => {
    for (const { name, limit, quota } of claims) quota.resolve(alone.take(name, limit));
  };
  return {
    take(name, limit) {
      const quota = Promise.withResolvers<Quota>();
      waiting.push({ name, limit, quota });
      if (!busy) void takeAll();
      return quota.promise;
    },
  };
}

async function share(database: PostgresDatabase, claims: readonly Claim[]): Promise<void> {
  const groups = Map.groupBy(claims, keyOf);
  const rows = await database.write((sql) => takeWindows(sql, groups), { patienceMs });
  for (const { key, taken, remaining, reset_ms } of rows) {
    for (const [at, { quota, limit }] of groups.get(key)!.entries()) {
      const left = Math.max(0, taken - at - 1);
      // A statement that has waited for another one is older than the window that it counts in.
      const resetMs = Math.min(reset_ms, limit.windowMs);
      quota.resolve({ allowed: at < taken, remaining: remaining + left, resetMs });
    }
  }
}

function takeWindows(sql: Transaction, groups: ReadonlyMap<string, readonly Claim[]>): Promise<WindowRow[]> {
  const of = (value: (claims: readonly Claim[]) => number) => [...groups.values()].map(value);
  return sql.all<WindowRow>(takeText, [
    [...groups.keys()],
    of((claims) => claims.length),
    of(([first]) => first!.limit.count),
    of(([first]) => first!.limit.windowMs),
  ]);
}

/** Of any name, however long, one that an index takes. */
function keyOf({ name, limit }: Claim): string {
  return createHash('sha256').update(`${limit.count}/${limit.windowMs} ${name}`).digest('base64url');
}
