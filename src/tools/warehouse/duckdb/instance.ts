import { availableParallelism } from 'node:os';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';

/** What a DuckDB of ours may use of the machine. */
export interface DuckDbResources {
  /** Threads of one instance. Default: all cores for writing, one less for reading. */
  readonly threads?: number;
  /** In DuckDB's notation. Default `1GB`. */
  readonly memoryLimit?: string;
}

/** Loads the engine (68 MB of native code) at its first use, so that a process which never asks never pays. */
export const loadDuckDb = () => import('@duckdb/node-api');

/** A server that reads leaves one core to its event loop. */
const readerThreads = Math.max(1, availableParallelism() - 1);

const resources = ({ threads = availableParallelism(), memoryLimit = '1GB' }: DuckDbResources) => ({
  threads: String(threads),
  memory_limit: memoryLimit,
});

/** Nothing is fetched, nothing is installed. */
const isolated = {
  autoinstall_known_extensions: 'false',
  autoload_known_extensions: 'false',
  allow_community_extensions: 'false',
};

/** Where a writer puts what does not fit into its memory; a reader puts nothing anywhere. */
export const spillFolderOf = (path: string): string => `${path}.tmp`;

/** Times are UTC wherever the machine stands. The zone can't be part of the options: it belongs to an extension. */
async function useUtc(instance: DuckDBInstance): Promise<DuckDBConnection> {
  const connection = await instance.connect();
  await connection.run("SET GLOBAL TimeZone = 'UTC'");
  return connection;
}

/**
 * An instance that can do nothing but read its own tables: no files, no network, no change of settings.
 * @see https://duckdb.org/docs/stable/operations_manual/securing_duckdb/overview
 */
export async function openForReading(
  path: string | undefined,
  options: DuckDbResources,
  prepare?: (connection: DuckDBConnection) => Promise<void>,
): Promise<DuckDBInstance> {
  const { DuckDBInstance } = await loadDuckDb();
  const instance = await DuckDBInstance.create(path ?? ':memory:', {
    ...resources({ threads: readerThreads, ...options }),
    ...isolated,
    temp_directory: '',
    enable_external_access: 'false',
    ...(path !== undefined && { access_mode: 'READ_ONLY' }),
  });
  try {
    const connection = await useUtc(instance);
    await prepare?.(connection);
    await connection.run('SET lock_configuration = true');
    connection.closeSync();
    return instance;
  } catch (error) {
    instance.closeSync();
    throw error;
  }
}

/** An instance that the loader and the demo workspace write with; nobody else's SQL ever runs on it. */
export async function openForWriting(
  path: string,
  options: DuckDbResources = {},
): Promise<{ readonly instance: DuckDBInstance; readonly connection: DuckDBConnection }> {
  const { DuckDBInstance } = await loadDuckDb();
  const instance = await DuckDBInstance.create(path, {
    ...resources(options),
    ...isolated,
    temp_directory: path === ':memory:' ? '' : spillFolderOf(path),
  });
  return { instance, connection: await useUtc(instance) };
}
