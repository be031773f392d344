import pg, { types } from 'pg';
import { messageOf, SignalboxError } from '../../core/errors.ts';
import type { LiveRecord } from '../../record/live.ts';
import { Follower } from '../follower.ts';
import type { RateLimits } from '../rate-limits.ts';
import type { Store } from '../store.ts';
import {
  defaultStatementTimeoutMs,
  PostgresDatabase,
  type PostgresOptions,
  silenceMsFor,
} from './database.ts';
import { useKeys } from './encryption-keys.ts';
import { asStartFailure } from './failure.ts';
import { createPostgresLeases, type PostgresLeases } from './leases.ts';
import { migrate } from './migrate.ts';
import { News } from './news.ts';
import { followPiece } from './projections/following.ts';
import { createPostgresRateLimits } from './rate-limits.ts';
import { createPostgresStore } from './store.ts';
import { RecordWatch } from './watch.ts';

/** Older ones get no more security fixes. */
const oldestVersion = 14;

export interface PostgresRecord {
  readonly store: Store;
  readonly leases: PostgresLeases;
  readonly rateLimits: RateLimits;
  readonly database: PostgresDatabase;
  /** What follows the log. */
  readonly follower: Follower;
  /** From now on whoever follows a conversation in this process is told of what other processes write. */
  begin(): void;
  /** Waits for what runs, then lets go of the connections. */
  close(): Promise<void>;
}

/** Opens the record that many processes share; throws what `openPostgres` throws. */
export async function openPostgresRecord(
  options: PostgresOptions,
  live: LiveRecord,
  onError?: (error: unknown) => void,
): Promise<PostgresRecord> {
  const database = await openPostgres(options);
  const { server, ...settings } = connectionSettings(options);
  const watch = new RecordWatch({ database, live, isToldOfNews: () => news.hears });
  const createClient = () => new pg.Client(settings);
  const news = new News({ database, createClient, onNews: () => watch.look() });
  const piece = (limit: number) => followPiece(database, limit);
  const follower = new Follower({ piece, pieceMs: 50, ...(onError && { onError }) });
  live.subscribeAll(() => follower.wake());
  const begin = () => {
    watch.begin();
    news.begin();
    follower.begin();
  };
  const close = async () => {
    follower.stop();
    watch.stop();
    await news.stop();
    await database.close();
  };
  return {
    store: createPostgresStore(database, live, follower),
    follower,
    leases: createPostgresLeases(database),
    rateLimits: createPostgresRateLimits(database),
    ...{ database, begin, close },
  };
}

/**
 * Connects, checks the server and brings its schema up to date. Throws `config_invalid` for a URL, credentials, a database or
 * a certificate that cannot be used, `schema_too_new`, `encryption_key_missing`, and `storage_failed` when no server answers for `patienceMs`.
 */
export async function openPostgres(options: PostgresOptions): Promise<PostgresDatabase> {
  const { server, ...settings } = connectionSettings(options);
  const pool = new pg.Pool({
    ...settings,
    max: options.poolSize ?? 10,
    idleTimeoutMillis: 30_000,
    // A new server behind the same name gets its connections by and by.
    maxLifetimeSeconds: 1_800,
  });
  // A connection that breaks while it has nothing to answer says so here, idle or in the middle of a transaction. The pool replaces it,
  // and the next statement on it fails.
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  const database = new PostgresDatabase(pool, server, options);
  try {
    await checkVersion(database);
    await migrate(database);
    await useKeys(database);
    return database;
  } catch (error) {
    await database.close();
    throw asStartFailure(causeOf(error), server, options.variable);
  }
}

/** The driver's error where it was told as one of a statement that failed. */
function causeOf(error: unknown): unknown {
  const failed = error instanceof SignalboxError && error.code === 'storage_failed' && error.cause;
  return failed === false || failed === undefined ? error : failed;
}

/** `server` is host, port and database, for messages. */
function connectionSettings({
  url,
  variable,
  statementTimeoutMs = defaultStatementTimeoutMs,
}: PostgresOptions) {
  try {
    // SQLAlchemy writes the driver into the scheme: postgresql+asyncpg://
    const connectionString = url.reveal().replace(/^(postgres(?:ql)?)\+\w+:/i, '$1:');
    const { host, port, database } = new pg.Client({ connectionString });
    return {
      server: `${host}:${port}/${database}`,
      connectionString,
      connectionTimeoutMillis: 5_000,
      query_timeout: silenceMsFor(statementTimeoutMs),
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
      fallback_application_name: 'signalbox',
      types: { getTypeParser },
    };
  } catch (error) {
    const message = `${variable} cannot be used: ${messageOf(error)}. Expected postgresql://user:password@host:5432/database.`;
    throw new SignalboxError('config_invalid', message, { cause: error });
  }
}

/** Whole numbers of 64 bits as numbers: times, counts and sequences are far below 2^53. */
const getTypeParser = ((type: number, format?: 'text') =>
  type === types.builtins.INT8 ? Number : types.getTypeParser(type, format)) as typeof types.getTypeParser;

async function checkVersion(database: PostgresDatabase): Promise<void> {
  const text = `SELECT current_setting('server_version_num')::int AS number, current_setting('server_version') AS name`;
  const [version] = await database.read((sql) => sql.all<{ number: number; name: string }>(text));
  if (Math.floor(version!.number / 10_000) >= oldestVersion) return;
  throw new SignalboxError(
    'config_invalid',
    `PostgreSQL at ${database.server} is version ${version!.name}; Signalbox needs ${oldestVersion} or later.`,
  );
}
