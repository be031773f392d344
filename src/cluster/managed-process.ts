import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { type Launch, loopback } from './place.ts';

export interface ProcessOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  readonly folder: string;
  readonly logFile: string;
  /** Default: where this process is. */
  readonly launch?: Launch;
  /** Told when it has ended without having been asked to, and is started again. */
  readonly onEnd: (name: string, how: string) => void;
}

const startAgainAfterMs = 500;

const all = new Set<ManagedProcess>();
process.once('exit', () => {
  for (const each of all) each.signal('SIGKILL');
});

/**
 * A process that is started again when it ends by itself, until it is stopped. It ends with this process, unless that is killed so
 * that it gets to do nothing more: see `ProcessNotes`.
 */
export class ManagedProcess {
  readonly name: string;
  readonly #options: ProcessOptions;
  #child: ChildProcess;
  #timer: NodeJS.Timeout | undefined;
  #isWanted = true;

  constructor(options: ProcessOptions) {
    this.name = options.name;
    this.#options = options;
    this.#child = this.#spawn();
    all.add(this);
  }

  get pid(): number | undefined {
    return hasEnded(this.#child) ? undefined : this.#child.pid;
  }

  signal(signal: NodeJS.Signals): void {
    if (!hasEnded(this.#child)) this.#child.kill(signal);
  }

  /** SIGTERM, and SIGKILL to what is still there after `withinMs`. */
  async stop(withinMs: number): Promise<void> {
    this.#isWanted = false;
    clearTimeout(this.#timer);
    all.delete(this);
    if (hasEnded(this.#child)) return;
    const exited = once(this.#child, 'exit');
    this.signal('SIGTERM');
    const timer = setTimeout(() => this.signal('SIGKILL'), withinMs);
    await exited;
    clearTimeout(timer);
  }

  #spawn(): ChildProcess {
    const { command, args, environment, folder, logFile, launch = loopback.launch } = this.#options;
    const log = openSync(logFile, 'a', 0o600);
    try {
      // A group of its own: Ctrl+C at a terminal is for whoever started it, who then stops it in order.
      const stdio = ['ignore' as const, log, log];
      const child = launch(command, args, { cwd: folder, env: environment, stdio, detached: true });
      child.once('error', (error) => this.#ended(error.message));
      child.once('exit', (code, signal) => this.#ended(signal ?? `exit code ${code}`));
      return child;
    } finally {
      closeSync(log);
    }
  }

  #ended(how: string): void {
    if (!this.#isWanted) return;
    this.#options.onEnd(this.name, how);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#child = this.#spawn();
    }, startAgainAfterMs);
  }
}

const hasEnded = ({ pid, exitCode, signalCode }: ChildProcess): boolean =>
  pid === undefined || exitCode !== null || signalCode !== null;
