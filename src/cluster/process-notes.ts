import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Launch } from './place.ts';

interface Note {
  readonly pid: number;
  /** When it began, which no later process with this number has in common with it. */
  readonly began: string;
}

const leaveAfterMs = 10_000;

/**
 * Notes in a folder of the processes that were started, for the start that follows a SIGKILL: processes that are left of the one before hold
 * ports and data.
 */
export class ProcessNotes {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = join(folder, 'processes');
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
  }

  /** Starts what `launch` starts, with a note under this name until it has ended. */
  noting(name: string, launch: Launch): Launch {
    return (command, args, options) => {
      const child = launch(command, args, options);
      const { pid } = child;
      if (pid === undefined) return child;
      const began = beginningOf(pid);
      const note = this.#pathOf(name);
      if (began !== undefined) writeFileSync(note, JSON.stringify({ pid, began }), { mode: 0o600 });
      child.once('exit', () => rmSync(note, { force: true }));
      return child;
    };
  }

  /** Ends what an earlier start has left, and returns the names. Only whoever is alone in the folder may call this. */
  async endLeftovers(): Promise<string[]> {
    const names = readdirSync(this.#folder).map((file) => file.replace(/\.json$/, ''));
    const ended = await Promise.all(names.map((name) => this.#end(name)));
    return names.filter((_, index) => ended[index]);
  }

  async #end(name: string): Promise<boolean> {
    const note = readNote(this.#pathOf(name));
    const isThere = () => note !== undefined && beginningOf(note.pid) === note.began;
    const wasThere = isThere();
    if (wasThere) {
      // An end at once, with its children, is SIGQUIT to PostgreSQL. All of them are made to survive it.
      signal(note!.pid, name === 'postgres' ? 'SIGQUIT' : 'SIGKILL');
      const until = Date.now() + leaveAfterMs;
      while (isThere() && Date.now() < until) await pause(20);
      if (isThere()) signal(note!.pid, 'SIGKILL');
      while (isThere()) await pause(20);
    }
    rmSync(this.#pathOf(name), { force: true });
    return wasThere;
  }

  #pathOf(name: string): string {
    return join(this.#folder, `${name}.json`);
  }
}

/** Undefined for what a crash has left half written. */
function readNote(path: string): Note | undefined {
  try {
    const note = JSON.parse(readFileSync(path, 'utf8')) as Partial<Note>;
    const isWhole = Number.isInteger(note.pid) && note.pid! > 1 && typeof note.began === 'string';
    return isWhole ? (note as Note) : undefined;
  } catch {
    return undefined;
  }
}

/** When the process with this number began, exactly; undefined when there is none, or it has ended and nobody has asked how. */
export function beginningOf(pid: number): string | undefined {
  try {
    return process.platform === 'linux' ? ofProc(pid) : ofPs(pid);
  } catch {
    return undefined;
  }
}

/** Fields 3 and 22 of proc_pid_stat(5); the second may have blanks and parentheses in it. */
function ofProc(pid: number): string | undefined {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (fields[0] === 'Z') return undefined;
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return `${boot} ${fields[19]}`;
}

function ofPs(pid: number): string | undefined {
  const line = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
  return line.startsWith('Z') ? undefined : line.replace(/^\S+\s+/, '');
}

/** It may have ended a moment ago. */
function signal(pid: number, which: NodeJS.Signals): void {
  try {
    process.kill(pid, which);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
