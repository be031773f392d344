import { write, writeSync } from 'node:fs';

/** What waits for a slow reader at most; lines beyond it are dropped, the newest first. */
const queueLimit = 32 * 1024 * 1024;
const retryMs = 10;
/** How long a flush waits for a non-blocking descriptor whose reader does not read. */
const flushWithinMs = 1_000;

/**
 * Writes lines to a file descriptor in the background, in batches: no request waits for a slow reader. A reader that has
 * gone costs its lines and nothing else (pino's own destination never comes back from `flushSync` when the pipe is
 * broken, so that the process could not be stopped).
 */
export class LineWriter {
  readonly #fd: number;
  #queue: string[] = [];
  #queuedLength = 0;
  #inFlight: Buffer | undefined;
  #broken = false;

  constructor(fd: number) {
    this.#fd = fd;
  }

  write(line: string): void {
    if (this.#broken || this.#queuedLength > queueLimit) return;
    this.#queue.push(line);
    this.#queuedLength += line.length;
    if (this.#inFlight === undefined) this.#writeNext();
  }

  /** Writes out what waits; for the end of the process. */
  flushSync(): void {
    // A write that is under way goes on in its thread; this only lets it come first.
    if (this.#inFlight !== undefined) pause(retryMs);
    let rest = this.#take();
    const deadline = performance.now() + flushWithinMs;
    while (rest.length > 0 && !this.#broken && performance.now() < deadline) {
      try {
        rest = rest.subarray(writeSync(this.#fd, rest));
      } catch (error) {
        if (isBusy(error)) pause(retryMs);
        else this.#break();
      }
    }
  }

  #writeNext(): void {
    this.#inFlight = this.#take();
    this.#writeRest(this.#inFlight);
  }

  #writeRest(rest: Buffer): void {
    write(this.#fd, rest, (error, written) => {
      if (error !== null && !isBusy(error)) this.#break();
      else if (error !== null) setTimeout(() => this.#writeRest(rest), retryMs).unref();
      else if (written < rest.length) this.#writeRest(rest.subarray(written));
      else if (this.#queue.length > 0) this.#writeNext();
      else this.#inFlight = undefined;
    });
  }

  #take(): Buffer {
    const lines = Buffer.from(this.#queue.join(''));
    this.#queue = [];
    this.#queuedLength = 0;
    return lines;
  }

  #break(): void {
    this.#broken = true;
    this.#take();
  }
}

const isBusy = (error: unknown): boolean =>
  ['EAGAIN', 'EBUSY', 'EINTR'].includes((error as NodeJS.ErrnoException).code ?? '');

function pause(durationMs: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, durationMs);
}
