import { messageOf } from '../../core/errors.ts';
import type { Admin } from './admin.ts';
import { journalPath } from './messages.ts';
import type { RunReader } from './run-reader.ts';

const shortestMs = 200;
const longestMs = 10_000;

/** Tells Restate where this process is, again and again until it has heard it, and wakes what has waited for its code. */
export class Registration {
  readonly #admin: Admin;
  readonly #reader: RunReader;
  readonly #onProblem: (message: string) => void;
  readonly #done = Promise.withResolvers<void>();
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #problem: string | undefined = 'Restate has not been told yet where this process is.';

  constructor(admin: Admin, reader: RunReader, onProblem: (message: string) => void) {
    this.#admin = admin;
    this.#reader = reader;
    this.#onProblem = onProblem;
  }

  get done(): Promise<void> {
    return this.#done.promise;
  }

  /** Why Restate does not know this process, until it does. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /**
   * Restate takes a place that it knows for the same deployment and does not look into it again: so each installation has a
   * path of its own, also on a port that another one had before.
   */
  begin(workerUrl: string, namespace: string): void {
    this.#try(`${workerUrl.replace(/\/+$/, '')}${journalPath}/${encodeURIComponent(namespace)}`, shortestMs);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #try(uri: string, againMs: number): void {
    this.#register(uri).then(this.#done.resolve, (error) => {
      if (this.#stopped) return;
      this.#problem = `Restate was not told that this process is at ${uri}: ${messageOf(error)}`;
      this.#onProblem(this.#problem);
      this.#timer = setTimeout(() => this.#try(uri, Math.min(againMs * 2, longestMs)), againMs);
    });
  }

  async #register(uri: string): Promise<void> {
    await this.#admin.register(uri);
    this.#problem = undefined;
    await this.#reader.wakeWaiting();
  }
}
