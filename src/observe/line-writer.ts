import { write, writeSync } from 'node:fs';

/** What waits for a slow reader at most; lines beyond it are dropped, the newest first. */
const queueLimit = 32 * 1024 * 1024;
const retryMs = 10;
/** How long a flush waits for a non-blocking descriptor whose reader does not read. */
const flushWithinMs = 1_000;
/** How long nothing is tried after an error that waiting a moment does not mend. */
const pauseMs = 1_000;
const newline = 0x0a;

export interface LineWriterOptions {
  /** The line that says how many lines were lost, and why; it comes before the next one that can be written. */
  readonly lostLine?: (count: number, reason: string) => string;
  readonly pauseMs?: number;
}

/**
 * Writes lines to a file descriptor in the background, in batches: no request waits for a slow reader. What can't be
 * written (a full disk, a reader that has gone, more than fits into the queue) costs those lines and nothing else: they are
 * counted, writing is tried again, and the first line that gets through afterwards says how many were lost. (pino's own
 * destination never comes back from `flushSync` when the pipe is broken, so that the process could not be stopped.)
 */
export class LineWriter {
  readonly #fd: number;
  readonly #lostLine: ((count: number, reason: string) => string) | undefined;
  readonly #pauseMs: number;
  #queue: string[] = [];
  #queuedLength = 0;
  #inFlight: Buffer | undefined;
  #pausedUntil = 0;
  #lost = 0;
  /** How many of the lost ones the batch under way speaks of. */
  #telling = 0;
  #reason = '';
  /** The last thing that got through was the beginning of a line. */
  #inLine = false;

  constructor(fd: number, options: LineWriterOptions = {}) {
    this.#fd = fd;
    this.#lostLine = options.lostLine;
    this.#pauseMs = options.pauseMs ?? pauseMs;
  }

  write(line: string): void {
    if (this.#queuedLength > queueLimit) this.#lose(1, 'nobody read them in time');
    else if (performance.now() < this.#pausedUntil) this.#lose(1, this.#reason);
    else {
      this.#queue.push(line);
      this.#queuedLength += line.length;
      if (this.#inFlight === undefined) this.#writeNext();
    }
  }

  /** Writes out what waits; for the end of the process. */
  flushSync(): void {
    // A write that is under way goes on in its thread; this only lets it come first.
    if (this.#inFlight !== undefined) pause(retryMs);
    let rest = this.#take();
    const deadline = performance.now() + flushWithinMs;
    while (rest.length > 0 && performance.now() < deadline) {
      try {
        rest = rest.subarray(writeSync(this.#fd, rest));
      } catch (error) {
        if (!isBusy(error)) return;
        pause(retryMs);
      }
    }
  }

  #writeNext(): void {
    this.#inFlight = this.#take();
    this.#writeRest(this.#inFlight);
  }

  #writeRest(rest: Buffer): void {
    write(this.#fd, rest, (error, written) => {
      if (error !== null && !isBusy(error)) this.#fail(rest, error);
      else if (error !== null) setTimeout(() => this.#writeRest(rest), retryMs).unref();
      else this.#wrote(rest, written);
    });
  }

  #wrote(rest: Buffer, written: number): void {
    if (written > 0) this.#inLine = rest[written - 1] !== newline;
    if (written < rest.length) {
      this.#writeRest(rest.subarray(written));
      return;
    }
    this.#lost -= this.#telling;
    this.#telling = 0;
    if (this.#queue.length > 0) this.#writeNext();
    else this.#inFlight = undefined;
  }

  #fail(rest: Buffer, error: NodeJS.ErrnoException): void {
    this.#inFlight = undefined;
    const notice = this.#telling > 0 ? 1 : 0;
    this.#telling = 0;
    this.#lose(linesIn(rest) - notice + this.#queue.length, error.message);
    this.#queue = [];
    this.#queuedLength = 0;
    this.#pausedUntil = performance.now() + this.#pauseMs;
  }

  #lose(count: number, reason: string): void {
    this.#lost += count;
    this.#reason = reason;
  }

  #take(): Buffer {
    const lines = Buffer.from(this.#notice() + this.#queue.join(''));
    this.#queue = [];
    this.#queuedLength = 0;
    return lines;
  }

  /** What comes before the next lines after some were lost. */
  #notice(): string {
    if (this.#lost === 0) return '';
    this.#telling = this.#lost;
    return `${this.#inLine ? '\n' : ''}${this.#lostLine?.(this.#lost, this.#reason) ?? ''}`;
  }
}

function linesIn(bytes: Buffer): number {
  let count = 0;
  for (const byte of bytes) if (byte === newline) count++;
  return count;
}

const isBusy = (error: unknown): boolean =>
  ['EAGAIN', 'EBUSY', 'EINTR'].includes((error as NodeJS.ErrnoException).code ?? '');

function pause(durationMs: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, durationMs);
}
