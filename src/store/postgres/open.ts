import pg, { type Pool, types } from 'pg';
import { messageOf, SignalboxError } from '../../core/errors.ts';
import { PostgresDatabase, type PostgresOptions } from './database.ts';
import { asStartFailure } from './failure.ts';
import { migrate } from './migrate.ts';

/** Older ones get no more security fixes. */
const oldestVersion = 14;

/**
 * Connects, checks the server and brings its schema up to date. Throws `config_invalid` for a URL, credentials, a database or
 * a certificate that cannot be used, `schema_too_new`, and `storage_failed` when no server answers for `patienceMs`.
 */
export async function openPostgres(options: PostgresOptions): Promise<PostgresDatabase> {
  const { pool, server } = createPool(options);
  const database = new PostgresDatabase(pool, server, options);
  try {
    await checkVersion(database);
    await migrate(database);
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

function createPool(options: PostgresOptions): { pool: Pool; server: string } {
  const statementTimeoutMs = options.statementTimeoutMs ?? 15_000;
  try {
    // SQLAlchemy writes the driver into the scheme: postgresql+asyncpg://
    const connectionString = options.url.reveal().replace(/^(postgres(?:ql)?)\+\w+:/i, '$1:');
    const { host, port, database } = new pg.Client({ connectionString });
    const pool = new pg.Pool({
      connectionString,
      max: options.poolSize ?? 10,
      connectionTimeoutMillis: 5_000,
      idleTimeoutMillis: 30_000,
      // A new server behind the same name gets its connections by and by.
      maxLifetimeSeconds: 1_800,
      // The server gives up first; this is for one that says nothing any more.
      query_timeout: statementTimeoutMs + 5_000,
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
      fallback_application_name: 'signalbox',
      types: { getTypeParser },
    });
    // An idle connection that breaks is replaced by the pool; the next use would say what is wrong.
    pool.on('error', () => {});
    return { pool, server: `${host}:${port}/${database}` };
  } catch (error) {
    const message = `${options.variable} cannot be used: ${messageOf(error)}. Expected postgresql://user:password@host:5432/database.`;
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
