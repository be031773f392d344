import { messageOf } from '../../core/errors.ts';
import type { Admin } from './admin.ts';
import { journalPath } from './messages.ts';
import type { RunReader } from './run-reader.ts';

const shortestMs = 200;
const longestMs = 10_000;

/** Tells Restate where this process is, again and again until it has heard it, and wakes what has waited for its code. */
export class Registration {
  readonly #handlers: readonly string[];
  readonly #admin: Admin;
  readonly #reader: RunReader;
  readonly #onProblem: (message: string) => void;
  readonly #done = Promise.withResolvers<void>();
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #problem: string | undefined = 'Restate has not been told yet where this process is.';

  /** `handlers` are those that this process has, each as `service/handler`. */
  constructor(
    handlers: readonly string[],
    admin: Admin,
    reader: RunReader,
    onProblem: (message: string) => void,
  ) {
    this.#handlers = handlers;
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

  /**
   * What Restate knows of an older version lacks what a newer one has added: then it has to look again, and once more when
   * an older process has answered it behind the same address. An older version finds all that it needs, and changes nothing.
   */
  async #register(uri: string): Promise<void> {
    if (
      !this.#isKnown(await this.#admin.register(uri)) &&
      !this.#isKnown(await this.#admin.register(uri, true))
    )
      throw new Error('what answered there is an older version. This is tried again until all are new');
    this.#problem = undefined;
    await this.#reader.wakeWaiting();
  }

  #isKnown(known: ReadonlySet<string>): boolean {
    return this.#handlers.every((handler) => known.has(handler));
  }
}
