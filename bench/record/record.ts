import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runJob } from '../process/job.ts';
import { removeFolder, temporaryFolder } from '../process/processes.ts';
import { prepareData, startSignalbox } from '../process/signalbox.ts';
import { measureReading, type ReadingResult } from './reading.ts';
import type { Filled, RecordJob } from './record-job.ts';

export interface RecordResult extends Filled, ReadingResult {
  readonly count: number;
  readonly peakMemoryMib: number;
}

export interface RecordOptions {
  readonly conversations: number;
  /** Kept with its record, which is used again; without it a temporary one. */
  readonly folder: string | undefined;
}

/** A server over a record of that many conversations, read one request at a time while others are accepted and answered. */
export async function measureRecord({ conversations: count, folder }: RecordOptions): Promise<RecordResult> {
  const dataDir = folder ?? temporaryFolder('record');
  const filled = await fillOnce(dataDir, count);
  cpSync(join(await prepareData(), 'warehouse.duckdb'), join(dataDir, 'warehouse.duckdb'));
  // What is accepted waits for its agent: what is measured here is reading beside accepting.
  const door = new URL('../accept/slow-agent-server.ts', import.meta.url);
  const server = await startSignalbox({ dataDir, door, warm: false });
  const measured = await measureReading(server.port);
  const peakMemoryMib = server.peakMemoryMib();
  await server.end('SIGTERM');
  if (folder === undefined) removeFolder(dataDir);
  return { ...filled, ...measured, count, peakMemoryMib };
}

async function fillOnce(folder: string, count: number): Promise<Filled> {
  const note = join(folder, 'filled.json');
  if (existsSync(note)) return JSON.parse(readFileSync(note, 'utf8')) as Filled;
  mkdirSync(folder, { recursive: true });
  const job = { folder, count };
  const filled = await runJob<RecordJob, Filled>(new URL('record-job.ts', import.meta.url), job);
  writeFileSync(note, JSON.stringify(filled));
  return filled;
}
