import { parentPort, Worker } from 'node:worker_threads';
import { type ErrorCode, type FieldError, SignalboxError } from '../core/errors.ts';

/** What a thread is asked: one thing at a time. */
export interface Question {
  readonly name: string;
  readonly argument: unknown;
}

/**
 * What a thread answers. A value passes as JSON, which takes a seventh of the time that cloning objects does. Errors of the catalogue pass with what tells
 * them apart, all others with their message.
 */
export type Answer =
  | { readonly json: string | undefined }
  | {
      readonly refused: { readonly code: ErrorCode; readonly message: string; readonly fields?: FieldErrors };
    }
  | { readonly failed: string };

type FieldErrors = readonly FieldError[];

/** A thread came to its end before it had answered; what it did is all done or not at all. */
export class ThreadGone extends Error {}

interface Asked {
  readonly question: Question;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

export interface DatabaseThreadsOptions {
  /** The module of a thread: it answers each `Question` that it is sent with one `Answer` (`serveQuestions`). */
  readonly module: URL;
  readonly workerData: unknown;
  readonly most: number;
  /** Is told when a thread ends by an error. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

// Each looks at a page or a piece at a time; without limits V8 would reserve as much as for a server.
const resourceLimits = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 8 };

/** When threads can't be had, or end by themselves, so often in a row, whoever asks does it without them. */
const failuresAtMost = 3;

/**
 * Threads that work on a file with connections of their own, beside the thread that accepts. They are made when there is something to do for
 * them, answer one question after the other, and never keep the process alive.
 */
export class DatabaseThreads {
  readonly #options: DatabaseThreadsOptions;
  readonly #idle: Worker[] = [];
  readonly #busy = new Map<Worker, Asked>();
  #waiting: Asked[] = [];
  #quiet: PromiseWithResolvers<void> | undefined;
  #allIdle: PromiseWithResolvers<void> | undefined;
  #canHaveMore = true;
  #failures = 0;

  constructor(options: DatabaseThreadsOptions) {
    this.#options = options;
  }

  /** Rejects with `ThreadGone` when no thread could answer. */
  ask(question: Question): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ question, resolve, reject });
      this.#go();
    });
  }

  /** Does something while no thread works; what is asked meanwhile waits for it. */
  async quietly<T>(work: () => Promise<T>): Promise<T> {
    while (this.#quiet !== undefined) await this.#quiet.promise;
    const quiet = Promise.withResolvers<void>();
    this.#quiet = quiet;
    try {
      this.#allIdle = Promise.withResolvers<void>();
      if (this.#busy.size > 0) await this.#allIdle.promise;
      return await work();
    } finally {
      this.#quiet = undefined;
      quiet.resolve();
      this.#go();
    }
  }

  /** Ends all threads; what they were asked is not answered. */
  async close(): Promise<void> {
    this.#canHaveMore = false;
    const threads = [...this.#idle.splice(0), ...this.#busy.keys()];
    await Promise.all(threads.map((thread) => thread.terminate()));
    this.#refuseWaiting();
  }

  #go(): void {
    if (this.#busy.size === 0) this.#allIdle?.resolve();
    while (this.#waiting.length > 0 && this.#quiet === undefined) {
      const thread = this.#idle.pop() ?? this.#another();
      if (thread === undefined) break;
      const asked = this.#waiting.shift()!;
      this.#busy.set(thread, asked);
      thread.ref();
      thread.postMessage(asked.question);
    }
    const areGone = this.#busy.size + this.#idle.length === 0;
    if (areGone && !this.#canHaveMore) this.#refuseWaiting();
  }

  #another(): Worker | undefined {
    if (!this.#canHaveMore || this.#busy.size >= this.#options.most) return undefined;
    const { module, workerData } = this.#options;
    try {
      const thread = new Worker(module, { workerData, resourceLimits });
      thread.on('message', (answer: Answer) => this.#answered(thread, answer));
      thread.on('error', (error) => this.#failed(error));
      thread.on('exit', () => this.#gone(thread));
      return thread;
    } catch (error) {
      // The system gives no thread: too many, or no memory.
      this.#failed(error);
      return this.#another();
    }
  }

  #failed(error: unknown): void {
    this.#options.onError?.(error);
    if (++this.#failures >= failuresAtMost) this.#canHaveMore = false;
  }

  #answered(thread: Worker, answer: Answer): void {
    const asked = this.#busy.get(thread);
    this.#busy.delete(thread);
    this.#failures = 0;
    thread.unref();
    this.#idle.push(thread);
    if (asked !== undefined) settle(asked, answer);
    this.#go();
  }

  #gone(thread: Worker): void {
    const asked = this.#busy.get(thread);
    this.#busy.delete(thread);
    const at = this.#idle.indexOf(thread);
    if (at >= 0) this.#idle.splice(at, 1);
    asked?.reject(new ThreadGone('A thread of the database came to its end.'));
    this.#go();
  }

  #refuseWaiting(): void {
    for (const { reject } of this.#waiting.splice(0))
      reject(new ThreadGone('The database has no threads any more.'));
  }
}

function settle({ resolve, reject }: Asked, answer: Answer): void {
  if ('json' in answer) resolve(answer.json && JSON.parse(answer.json));
  else if ('failed' in answer) reject(new Error(answer.failed));
  else {
    const { code, message, fields } = answer.refused;
    reject(new SignalboxError(code, message, fields && { fields }));
  }
}

/** The other side, in the thread: answers what it is asked, by name. What a failure is told as comes from `asError`. */
export function serveQuestions(
  answer: (question: Question) => unknown,
  asError: (thrown: unknown) => unknown = (thrown) => thrown,
): void {
  parentPort!.on('message', async (question: Question) => {
    try {
      parentPort!.postMessage({ json: JSON.stringify(await answer(question)) });
    } catch (error) {
      parentPort!.postMessage(toAnswer(asError(error)));
    }
  });
}

/** What a thread says of something that was thrown there. */
function toAnswer(error: unknown): Answer {
  if (!(error instanceof SignalboxError)) {
    return { failed: error instanceof Error ? error.message : String(error) };
  }
  const { code, message, fields } = error;
  return { refused: { code, message, ...(fields && { fields }) } };
}
