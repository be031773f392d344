import pg from 'pg';
import { Secret } from '../../src/core/secret.ts';
import { LiveRecord } from '../../src/record/live.ts';
import { openPostgresRecord, type PostgresRecord } from '../../src/store/postgres/open.ts';
import { followPiece } from '../../src/store/postgres/projections/following.ts';
import { serveJobs } from '../process/job.ts';
import { Lives } from './fill.ts';
import { fill, ownLives } from './postgres-fill.ts';

export interface PostgresJob {
  readonly url: string;
  readonly count: number;
  /** Written in bulk, or as the product does it after that. */
  readonly part: 'bulk' | 'product';
}

/** What a record in PostgreSQL takes. */
export interface PostgresFilled {
  readonly recordBytes: number;
  readonly projectionBytes: number;
  /** Of the last that the product wrote and followed itself, a conversation each. */
  readonly writeMs: number;
  readonly followMs: number;
  /** The same in processor time of the process that does it. */
  readonly writeCpuMs: number;
  readonly followCpuMs: number;
  readonly longestPieceMs: number;
}

const livesAtOnce = 100;

serveJobs<PostgresJob, PostgresFilled | undefined>(async ({ url, count, part }) => {
  const live = new LiveRecord({ onError: () => {} });
  const record = await openPostgresRecord({ url: new Secret(url), variable: 'DATABASE_URL' }, live);
  const result = part === 'bulk' ? await fill(record.database, count) : await write(record, count);
  await vacuum(url);
  await record.close();
  return result ?? undefined;
});

async function write({ store, database }: PostgresRecord, count: number): Promise<PostgresFilled> {
  const lives = new Lives(count);
  const all = Array.from({ length: ownLives(count) }, (_, at) => lives.facts(count - 1 - at)).reverse();
  const timed = timedFor(all.length);
  const written = await timed(async () => {
    for (let at = 0; at < all.length; at += livesAtOnce) {
      await store.append(all.slice(at, at + livesAtOnce).flat());
    }
  });
  let longestPieceMs = 0;
  const followed = await timed(async () => {
    for (let isThrough = false; !isThrough; ) {
      const piece = await followPiece(database, 400);
      longestPieceMs = Math.max(longestPieceMs, piece.tookMs);
      isThrough = piece.isThrough;
    }
  });
  return {
    ...{ writeMs: written.ms, followMs: followed.ms, longestPieceMs },
    ...{ writeCpuMs: written.cpuMs, followCpuMs: followed.cpuMs },
    recordBytes: await sizeOf(database, 'events conversations'),
    projectionBytes: await sizeOf(database, 'search_0 search_1 statistics'),
  };
}

/** What one of so many takes. */
function timedFor(count: number) {
  return async (work: () => Promise<void>): Promise<{ ms: number; cpuMs: number }> => {
    const [begun, cpu] = [performance.now(), process.cpuUsage()];
    await work();
    const { user, system } = process.cpuUsage(cpu);
    return { ms: (performance.now() - begun) / count, cpuMs: (user + system) / 1_000 / count };
  };
}

async function sizeOf(database: PostgresRecord['database'], tables: string): Promise<number> {
  const text = `SELECT sum(pg_total_relation_size(oid)) AS bytes FROM pg_class WHERE relname = ANY ($1)`;
  const [row] = await database.read((sql) => sql.all<{ bytes: string }>(text, [tables.split(' ')]));
  return Number(row!.bytes);
}

/** As the server does by itself when it has time; it cannot be part of a transaction. */
async function vacuum(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query('VACUUM ANALYZE');
  await client.query('CHECKPOINT');
  await client.end();
}
