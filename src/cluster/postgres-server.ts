import { type ChildProcess, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Client } from 'pg';
import { loopback, type Place } from './place.ts';
import type { PostgresPrograms } from './postgres-programs.ts';

export interface PostgresServerOptions {
  readonly programs: PostgresPrograms;
  /** For data and socket; what is there already is used. As root: `nobody` becomes its owner, and must be able to reach it. */
  readonly folder: string;
  readonly port: number;
  readonly password: string;
  /** Such as `max_connections=60`. */
  readonly settings?: readonly string[];
  /** Where the server's own log goes; nowhere without it. */
  readonly logFile?: string;
  /** Default: on loopback. */
  readonly place?: Place;
}

export interface PostgresServer {
  readonly user: string;
  url(database: string): string;
  /** Makes a database unless it is there; returns its URL. */
  createDatabase(name: string): Promise<string>;
  /**
   * `fast` ends connections and stops in order; `immediate` leaves the order to the next start; `kill` is SIGKILL of the server's
   * first process, and the others end by themselves when they notice.
   */
  stop(how: keyof typeof signals): Promise<void>;
  /** Starts it again over its data, on the same port. */
  start(): Promise<void>;
}

const user = 'signalbox';

const signals = { fast: 'SIGINT', immediate: 'SIGQUIT', kill: 'SIGKILL' } as const;

/** Starts a PostgreSQL, on loopback unless told otherwise, with passwords, which ends with this process. */
export async function startPostgresServer(options: PostgresServerOptions): Promise<PostgresServer> {
  const url = (database: string) =>
    `postgresql://${user}:${encodeURIComponent(options.password)}@${(options.place ?? loopback).address}:${options.port}/${database}`;
  initialize(options);
  let child: ChildProcess | undefined;
  const stop: PostgresServer['stop'] = async (how) => {
    if (child === undefined || hasEnded(child)) return;
    const exited = once(child, 'exit');
    child.kill(signals[how]);
    await exited;
  };
  process.once('exit', () => child?.kill('SIGINT'));
  const start = async () => {
    child = await startAndWait(options, url('postgres'));
  };
  await start();
  const createDatabase = async (name: string) => {
    await withClient(url('postgres'), async (client) => {
      const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name]);
      if (rowCount === 0) await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}`);
    });
    return url(name);
  };
  return { user, url, createDatabase, stop, start };
}

function initialize({ programs, folder, password }: PostgresServerOptions): void {
  const data = join(folder, 'data');
  mkdirSync(folder, { recursive: true });
  const { uid, gid } = programs.user;
  if (uid !== undefined && gid !== undefined) chownSync(folder, uid, gid);
  if (existsSync(join(data, 'PG_VERSION'))) return;
  const file = join(folder, 'password');
  writeFileSync(file, password, { mode: 0o600 });
  if (uid !== undefined && gid !== undefined) chownSync(file, uid, gid);
  const secret = ['--auth=scram-sha-256', `--pwfile=${file}`];
  const options = ['-D', data, '-U', user, '--locale=C', '--encoding=UTF8', '--no-sync'];
  const how = { ...programs.user, cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] as 'pipe'[] };
  execFileSync(join(programs.folder, 'initdb'), [...options, ...secret], how);
  rmSync(file);
  appendFileSync(join(data, 'pg_hba.conf'), 'host all all samenet scram-sha-256\n');
}

/** After a kill, the processes of the one before may hold its memory for a moment, and the new one ends at once. */
async function startAndWait(options: PostgresServerOptions, url: string): Promise<ChildProcess> {
  const until = Date.now() + 30_000;
  for (let child = spawnServer(options); ; ) {
    try {
      await withClient(url, async () => {});
      return child;
    } catch (error) {
      if (Date.now() > until) throw error;
      await pause(20);
      if (hasEnded(child)) child = spawnServer(options);
    }
  }
}

function spawnServer({
  programs,
  folder,
  port,
  settings = [],
  logFile,
  place: { address, launch } = loopback,
}: PostgresServerOptions): ChildProcess {
  const args = ['-D', join(folder, 'data'), '-p', String(port), '-h', address, '-k', folder];
  const log = logFile === undefined ? ('ignore' as const) : openSync(logFile, 'a');
  try {
    // A group of its own: Ctrl+C at a terminal is for whoever started it, who then stops it in order.
    return launch(join(programs.folder, 'postgres'), [...args, ...settings.flatMap((each) => ['-c', each])], {
      ...programs.user,
      cwd: folder,
      stdio: ['ignore', log, log],
      detached: true,
    });
  } finally {
    if (log !== 'ignore') closeSync(log);
  }
}

const hasEnded = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null;

async function withClient<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
