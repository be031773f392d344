import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import { postgresSettings } from '../config/execution.ts';
import { makeDataFolder } from '../data-folder.ts';
import type { Content } from '../encryption/content.ts';
import { LiveRecord } from '../record/live.ts';
import { Database } from '../sqlite/database.ts';
import { lockFolder } from '../sqlite/folder-lock.ts';
import { createSqliteStore } from '../store/sqlite/store.ts';
import type { Store } from '../store/store.ts';
import { openContent } from './encryption.ts';

/**
 * The store for the command line, without a server: in PostgreSQL, which several programs use at once, or in a data folder that no
 * server uses. Throws `data_dir_in_use` where one does.
 */
export async function withStore<T>(config: Config, work: (store: Store) => Promise<T>): Promise<T> {
  const live = new LiveRecord({ onError: () => {} });
  const content = await openContent(config);
  const postgres = config.engine === 'embedded' ? undefined : postgresSettings(config);
  if (postgres === undefined) return withFolder({ ...config, content }, live, work);
  const { openPostgresRecord } = await import('../store/postgres/open.ts');
  const record = await openPostgresRecord({ ...postgres, poolSize: 1, content }, live);
  try {
    return await work(record.store);
  } finally {
    await record.close();
  }
}

async function withFolder<T>(
  { dataDir, content }: { readonly dataDir: string; readonly content: Content },
  live: LiveRecord,
  work: (store: Store) => Promise<T>,
) {
  makeDataFolder(dataDir);
  const lock = lockFolder(dataDir);
  try {
    const database = new Database(join(dataDir, 'signalbox.sqlite'), { content });
    try {
      return await work(createSqliteStore(database, live));
    } finally {
      database.close();
    }
  } finally {
    lock.release();
  }
}
