import type { FastifyRequest } from 'fastify';
import { SignalboxError } from '../../core/errors.ts';

/** Why a stream ends: the server stops, or its reader has gone. */
export const stopping = 'stopping';

/** The event streams that are open, so that a stop can end them and there are never too many that follow everything. */
export class Streams {
  readonly #open = new Set<AbortController>();
  readonly #limit: number;
  #ofAll = 0;
  #closed = false;

  /** `limit`: of streams of all conversations. */
  constructor(limit = 500) {
    this.#limit = limit;
  }

  open(request: FastifyRequest): AbortController {
    const controller = new AbortController();
    if (this.#closed) controller.abort(stopping);
    this.#open.add(controller);
    const close = () => controller.abort();
    request.raw.socket.once('close', close);
    controller.signal.addEventListener('abort', () => {
      this.#open.delete(controller);
      request.raw.socket.off('close', close);
    });
    return controller;
  }

  /** One that follows all conversations. Throws `too_many_streams`. */
  openOfAll(request: FastifyRequest): AbortController {
    if (this.#ofAll >= this.#limit) {
      throw new SignalboxError(
        'too_many_streams',
        `${this.#limit} streams of all conversations are open here, as many as there may be (SIGNALBOX_STREAM_LIMIT). End one, or try again later.`,
        { retryAfterMs: 10_000 },
      );
    }
    this.#ofAll++;
    const controller = this.open(request);
    controller.signal.addEventListener('abort', () => void this.#ofAll--);
    return controller;
  }

  close(): void {
    this.#closed = true;
    for (const controller of [...this.#open]) controller.abort(stopping);
  }
}
