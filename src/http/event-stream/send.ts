import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { SignalboxError } from '../../core/errors.ts';
import type { RecordedEvent } from '../../record/events.ts';
import { toWire } from '../../record/wire.ts';
import { requireScope } from '../access.ts';
import type { AppPorts } from '../ports.ts';
import { stopping } from './streams.ts';

export const lastEventIdHeader = Type.Object({
  'Last-Event-ID': Type.Optional(
    Type.String({ pattern: '^\\d{1,15}$', description: 'The last event that was seen.' }),
  ),
});

/** Undefined without one. Throws `invalid_request` for an id to go on from that is none. */
export function lastEventIdOf(request: FastifyRequest): number | undefined {
  const text = request.headers['last-event-id'];
  if (text === undefined || text === '') return undefined;
  if (typeof text === 'string' && /^\d{1,15}$/.test(text)) return Number(text);
  const message = 'is not the id of an event of this stream';
  throw new SignalboxError('invalid_request', `The header Last-Event-ID ${message}.`, {
    fields: [{ path: 'Last-Event-ID', message }],
  });
}

/** What is sent next. */
export interface StreamPart {
  /** Whole frames; empty where there is only a place to tell. */
  readonly frames: Buffer;
  /** Where a reader goes on that has everything so far. */
  readonly position: number;
}

export interface EventStream {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly controller: AbortController;
  readonly parts: AsyncIterator<StreamPart>;
  /** What `parts` was asked for already. */
  readonly first?: Promise<IteratorResult<StreamPart>>;
  /** Where the stream begins; told at once, so that a reader who loses it before the first event goes on here. */
  readonly position?: number;
}

const usualHeartbeatMs = 15_000;
const usualStallMs = 120_000;
/** What a reader that does not read keeps in memory, beside the part that it is given next. */
const bufferBytes = 16_384;

/**
 * Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html). Parts are made as the reader takes them: a slow one holds one
 * or two of them, whatever happens meanwhile, and one that takes nothing for two minutes is let go. When nothing comes for a while, a
 * comment keeps the way open; it has the place as its id, so that a reader of few events does not go through all others again. Whose key ends
 * is told nothing more.
 */
export function sendEventStream(ports: AppPorts, stream: EventStream): FastifyReply {
  const { stallMs = usualStallMs } = ports.options;
  const { reply, controller } = stream;
  const letGo = () => {
    ports.log.warning(
      `The reader of an event stream at ${stream.request.routeOptions.url} took nothing for ${stallMs / 1_000} s and was let go. It can go on with Last-Event-ID.`,
    );
    controller.abort();
    reply.raw.destroy();
  };
  const chunks = watched(chunksOf(ports, stream), stallMs, letGo);
  return send(reply, Readable.from(chunks, { objectMode: false, highWaterMark: bufferBytes }));
}

/** What HEAD is answered: as the stream would begin, without one. */
export const sendEventStreamHead = (reply: FastifyReply): FastifyReply => send(reply, Readable.from([]));

function send(reply: FastifyReply, body: Readable): FastifyReply {
  reply.header('cache-control', 'no-store').header('x-accel-buffering', 'no');
  return reply.type('text/event-stream; charset=utf-8').send(body);
}

async function* chunksOf(ports: AppPorts, stream: EventStream): AsyncGenerator<string | Buffer> {
  const { controller, parts } = stream;
  const { heartbeatMs = usualHeartbeatMs } = ports.options;
  let { position } = stream;
  let checkedAt = performance.now();
  let next = stream.first ?? parts.next();
  try {
    yield `retry: 2000\n${idLine(position)}\n`;
    while (true) {
      const result = await within(next, heartbeatMs);
      if (performance.now() - checkedAt >= heartbeatMs) {
        if (!(await mayStay(ports, stream))) return yield ': the key does not hold any more\n\n';
        checkedAt = performance.now();
      }
      if (result === 'late') yield `: still here\n${idLine(position)}\n`;
      else if (result.done === true) break;
      else {
        position = result.value.position;
        if (result.value.frames.length > 0) yield result.value.frames;
        next = parts.next();
      }
    }
    // Not all at the same moment, when there are many and a server takes the place of another.
    if (controller.signal.reason === stopping)
      yield `: stopping\nretry: ${1_000 + Math.floor(Math.random() * 4_000)}\n\n`;
  } catch (error) {
    ports.log.failed('An event stream could not go on; its reader comes back', error);
    yield ': the record cannot be read now\n\n';
  } finally {
    controller.abort();
    next.catch(() => {});
    parts.return?.().catch(() => {});
  }
}

const idLine = (position: number | undefined): string => (position === undefined ? '' : `id: ${position}\n`);

/** Whether the caller may still do what it could when the stream began: keys are revoked, sessions and tokens end. */
async function mayStay({ callers }: AppPorts, { request, reply }: EventStream): Promise<boolean> {
  const { scopes = [] } = request.routeOptions.config;
  try {
    await requireScope(callers, ...scopes)(request, reply);
    return true;
  } catch (error) {
    return !(error instanceof SignalboxError && (error.status === 401 || error.status === 403));
  }
}

async function* watched<T>(
  chunks: AsyncGenerator<T>,
  stallMs: number,
  onStall: () => void,
): AsyncGenerator<T> {
  for await (const chunk of chunks) {
    const timer = setTimeout(onStall, stallMs).unref();
    try {
      yield chunk;
    } finally {
      clearTimeout(timer);
    }
  }
}

async function within<T>(promise: Promise<T>, timeoutMs: number): Promise<T | 'late'> {
  const { promise: late, resolve } = Promise.withResolvers<'late'>();
  const timer = setTimeout(resolve, timeoutMs, 'late');
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Once for all who are told of an event that is held in memory. */
const known = new WeakMap<RecordedEvent, Buffer>();

export function frameOf(event: RecordedEvent): Buffer {
  let frame = known.get(event);
  if (frame === undefined) {
    frame = Buffer.from(
      `id: ${event.sequence}\nevent: ${event.type}\ndata: ${JSON.stringify(toWire(event))}\n\n`,
    );
    known.set(event, frame);
  }
  return frame;
}
