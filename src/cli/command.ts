import type { Config } from '../config/config.ts';

/** One command of the tool. */
export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** What `--help` prints. */
  readonly usage: string;
  /** Returns the exit code: 0 when all is well, 1 when it is not. */
  run(args: readonly string[], context: Context): Promise<number>;
}

/** What a command acts through. */
export interface Context {
  /** Throws `config_invalid`. */
  readConfig(): Config;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  readonly columns: number;
  /** Whether colours are shown. */
  readonly colours: boolean;
  /** Whether errors go to a terminal, where a line can be written over. */
  readonly canOverwrite?: boolean;
  write(text: string): void;
  writeError(text: string): void;
}

/** A command that was not understood: exit code 2 and the usage. */
export class UsageError extends Error {}
