import type { Socket } from 'node:net';
import type { FastifyReply } from 'fastify';
import { SignalboxError } from '../core/errors.ts';
import { addProblemHeaders, problemOf, problemType } from './problem.ts';

/** Smaller answers are not worth counting. */
const countedBytes = 16 * 1024;
const limitBytes = 128 * 1024 * 1024;

/**
 * Bounds what readers that do not read keep in memory. One connection may ask for thousands of answers at once (HTTP
 * pipelining) and take none, and each is as large as a body may be: beyond the limit, over all connections, large answers
 * become 503 `too_many_unread`.
 */
export class UnsentAnswers {
  readonly #limitBytes: number;
  readonly #bySocket = new Map<Socket, number>();
  #bytes = 0;

  constructor(limit = limitBytes) {
    this.#limitBytes = limit;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The payload, counted until it is sent, or what is sent in its place. */
  admit(reply: FastifyReply, payload: unknown): unknown {
    if (typeof payload !== 'string' || payload.length < countedBytes) return payload;
    if (this.#bytes + payload.length > this.#limitBytes) return refused(reply);
    const { socket } = reply.request.raw;
    this.#count(socket, payload.length);
    reply.raw.once('close', () => this.#release(socket, payload.length));
    return payload;
  }

  #count(socket: Socket, size: number): void {
    const before = this.#bySocket.get(socket);
    // Answers that still wait for their turn when the connection breaks are never told of it.
    if (before === undefined) socket.once('close', () => this.#release(socket, this.#bySocket.get(socket)));
    this.#bySocket.set(socket, (before ?? 0) + size);
    this.#bytes += size;
  }

  #release(socket: Socket, size = 0): void {
    const before = this.#bySocket.get(socket);
    if (before === undefined) return;
    this.#bytes -= size;
    if (socket.closed) this.#bySocket.delete(socket);
    else this.#bySocket.set(socket, before - size);
  }
}

function refused(reply: FastifyReply): string {
  const error = new SignalboxError(
    'too_many_unread',
    'Too many answers wait to be read. Read them, ask for fewer at once, and try again in a second.',
  );
  addProblemHeaders(reply, error);
  reply.code(error.status).removeHeader('content-length').type(problemType);
  return JSON.stringify(problemOf(error));
}
