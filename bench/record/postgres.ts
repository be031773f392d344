import { connect } from 'node:net';
import { startPostgres } from '../engine/postgres.ts';
import { runJob } from '../process/job.ts';
import { freePort, waitUntil } from '../process/processes.ts';
import type { DoorJob } from './postgres-door.ts';
import type { PostgresFilled, PostgresJob } from './postgres-job.ts';
import { measureReading, type ReadingResult } from './reading.ts';

export type PostgresRecordResult = PostgresFilled & ReadingResult;

/** The same reads of a record in PostgreSQL, with its default settings but for a larger cache: as many conversations as are written in eight minutes. */
export async function measurePostgresRecord(count: number): Promise<PostgresRecordResult> {
  const postgres = await startPostgres(['shared_buffers=1GB']);
  try {
    const job = { url: postgres.url, count, loadMs: 8 * 60_000 };
    const module = new URL('postgres-job.ts', import.meta.url);
    const filled = await runJob<PostgresJob, PostgresFilled>(module, job);
    const port = await freePort();
    const door = runJob<DoorJob, never>(new URL('postgres-door.ts', import.meta.url), {
      url: postgres.url,
      port,
    });
    await Promise.race([door, waitUntil('The door', () => listens(port))]);
    const read = await Promise.race([door, measureReading(port)]);
    return { ...filled, ...read };
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
