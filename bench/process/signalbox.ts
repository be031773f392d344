import { spawn } from 'node:child_process';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import {
  endWithUs,
  freePort,
  peakMemoryMib,
  removeFolder,
  stopProcess,
  temporaryFolder,
  waitUntil,
} from './processes.ts';

const key = 'bench-key-0123456789abcdef';
export const authorization = { authorization: `Bearer ${key}` };
export const webhookSecret = `whsec_${Buffer.from('a-secret-of-the-benchmark').toString('base64')}`;

export interface SignalboxOptions {
  /** The product's own door, unless a measurement needs another agent. */
  readonly door?: URL;
  /** A data folder to begin with a copy of. */
  readonly dataFrom?: string;
  /** The data folder itself, which stays. Default: one of its own. */
  readonly dataDir?: string;
  readonly webhookUrl?: string;
  readonly nodeOptions?: readonly string[];
  /** Whether one question is asked and answered first: the analyst looks at the data when the first one comes. Default true. */
  readonly warm?: boolean;
}

/** What the record says after the process is gone. */
export interface Kept {
  readonly accepted: number;
  readonly complete: number;
  readonly delivered: number;
}

export interface RunningSignalbox {
  readonly port: number;
  readonly dataDir: string;
  peakMemoryMib(): number;
  /** Ends the process as a crash would, and counts what it left. */
  end(signal?: NodeJS.Signals): Promise<Kept>;
}

/** The real server, in a process of its own, with a data folder of its own. */
export async function startSignalbox(options: SignalboxOptions = {}): Promise<RunningSignalbox> {
  const dataDir = options.dataDir ?? temporaryFolder('data');
  if (options.dataFrom !== undefined) cpSync(options.dataFrom, dataDir, { recursive: true });
  const port = await freePort();
  const door = options.door ?? new URL('../../src/main.ts', import.meta.url);
  const nodeOptions = ['--disable-warning=ExperimentalWarning', ...(options.nodeOptions ?? [])];
  const child = spawn(process.execPath, [...nodeOptions, fileURLToPath(door)], {
    stdio: ['ignore', 'inherit', 'pipe'],
    env: {
      ...bareEnvironment(),
      ...settings(dataDir, port),
      ...(options.webhookUrl && { WEBHOOK_URL: options.webhookUrl }),
    },
  });
  endWithUs(child);
  const said: string[] = [];
  child.stderr.on('data', (chunk: Buffer) => said.push(chunk.toString()));
  const ready = async () => {
    if (child.exitCode !== null) throw new Error(`Signalbox ended: ${said.join('')}`);
    return (await fetch(`http://127.0.0.1:${port}/health/ready`)).ok;
  };
  await waitUntil('Signalbox', ready);
  if (options.warm !== false) await askAndWait(port, 'What is the deal status for IXIS?');
  return {
    port,
    dataDir,
    peakMemoryMib: () => peakMemoryMib(child.pid!),
    async end(signal = 'SIGKILL') {
      await stopProcess(child, signal);
      const kept = countKept(dataDir);
      if (options.dataDir === undefined) removeFolder(dataDir);
      return kept;
    },
  };
}

/** What each process of the product is given, one or many. */
export const settingsOfAll = {
  SIGNALBOX_API_KEYS: `bench:admin:${key}`,
  SIGNALBOX_RATE_LIMIT: '100000000/1m',
  SIGNALBOX_WEBHOOK_SECRETS: webhookSecret,
  LOG_LEVEL: 'error',
};

function settings(dataDir: string, port: number): Record<string, string> {
  return {
    ...settingsOfAll,
    PORT: String(port),
    SIGNALBOX_DATA_DIR: dataDir,
    SIGNALBOX_QUEUE_LIMIT: '10000000',
    SIGNALBOX_RETENTION_DAYS: 'off',
  };
}

/** The variables of whoever runs the benchmark must not change what is measured. */
function bareEnvironment(): Record<string, string | undefined> {
  const { PATH, HOME, TMPDIR, TEMP, SYSTEMROOT } = process.env;
  return { PATH, HOME, TMPDIR, TEMP, SYSTEMROOT };
}

function countKept(dataDir: string): Kept {
  const database = new DatabaseSync(join(dataDir, 'signalbox.sqlite'));
  const row = database
    .prepare(
      `SELECT count(*) AS accepted, coalesce(sum(complete), 0) AS complete,
              coalesce(sum(status = 'delivered'), 0) AS delivered FROM conversations`,
    )
    .get();
  database.close();
  return row as unknown as Kept;
}

/** A data folder with the demo workspace, so that no measurement pays for making it. */
export async function prepareData(): Promise<string> {
  const server = await startSignalbox();
  const folder = temporaryFolder('template');
  cpSync(join(server.dataDir, 'warehouse.duckdb'), join(folder, 'warehouse.duckdb'));
  await server.end('SIGTERM');
  return folder;
}

export function askBody(query: string, at = new Date()): string {
  const names = { source_system: 'bench', source_process: 'questions' };
  return JSON.stringify({ query, ...names, timestamp: at.toISOString() });
}

async function askAndWait(port: number, query: string): Promise<void> {
  const trackingId = await ask(port, query);
  await waitUntil('The first answer', () => isComplete(port, trackingId));
}

async function ask(port: number, query: string): Promise<string> {
  const headers = { 'content-type': 'application/json', ...authorization };
  const response = await fetch(`http://127.0.0.1:${port}/webhook`, {
    method: 'POST',
    headers,
    body: askBody(query),
  });
  return ((await response.json()) as { tracking_id: string }).tracking_id;
}

async function isComplete(port: number, trackingId: string): Promise<boolean> {
  const response = await fetch(`http://127.0.0.1:${port}/webhook/${trackingId}`, { headers: authorization });
  const { status } = (await response.json()) as { status: string };
  if (status === 'failed') throw new Error('The first question failed.');
  return status === 'delivered' || status === 'delivery_failed';
}
