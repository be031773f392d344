import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { startPostgres } from '../engine/postgres.ts';
import { runJob } from '../process/job.ts';
import { freePort, removeFolder, temporaryFolder, waitUntil } from '../process/processes.ts';
import type { DoorJob } from './postgres-door.ts';
import { ownLives } from './postgres-fill.ts';
import type { PostgresFilled, PostgresJob } from './postgres-job.ts';
import { measureReading, type ReadingResult } from './reading.ts';
import type { RecordOptions } from './record.ts';

export interface PostgresRecordResult extends PostgresFilled, ReadingResult {
  readonly count: number;
}

/** Otherwise its defaults. */
const settings = ['shared_buffers=1GB'];
/** What is written in bulk could be written again: it need not survive a crash. */
const fillSettings = [
  ...settings,
  ...['fsync=off', 'full_page_writes=off', 'wal_level=minimal', 'max_wal_senders=0', 'max_wal_size=16GB'],
  ...['autovacuum=off', 'maintenance_work_mem=1GB'],
];

/** The same reads of a record in PostgreSQL, with its default settings but for a larger cache. */
export async function measurePostgresRecord(options: RecordOptions): Promise<PostgresRecordResult> {
  const folder = options.folder ?? temporaryFolder('record-postgres');
  const filled = await fillOnce(folder, options.conversations);
  const postgres = await startPostgres(settings, folder);
  try {
    const port = await freePort();
    const door = runJob<DoorJob, never>(new URL('postgres-door.ts', import.meta.url), {
      url: postgres.url,
      port,
    });
    await Promise.race([door, waitUntil('The door', () => listens(port))]);
    const read = await Promise.race([door, measureReading(port)]);
    return { count: options.conversations, ...filled, ...read };
  } finally {
    await postgres.stop();
    if (options.folder === undefined) removeFolder(folder);
  }
}

export async function fillOnce(folder: string, count: number): Promise<PostgresFilled> {
  const note = join(folder, 'filled.json');
  if (existsSync(note)) return JSON.parse(readFileSync(note, 'utf8')) as PostgresFilled;
  await work(folder, fillSettings, { count: count - ownLives(count), part: 'bulk' });
  const filled = await work(folder, settings, { count, part: 'product' });
  writeFileSync(note, JSON.stringify(filled));
  return filled!;
}

async function work(folder: string, settings: readonly string[], job: Omit<PostgresJob, 'url'>) {
  const postgres = await startPostgres(settings, folder);
  try {
    const module = new URL('postgres-job.ts', import.meta.url);
    return await runJob<PostgresJob, PostgresFilled | undefined>(module, { url: postgres.url, ...job });
  } finally {
    await postgres.stop();
  }
}

function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  return new Promise((resolve) => {
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
  }).finally(() => socket.destroy()) as Promise<boolean>;
}
