import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { SignalboxError } from '../../core/errors.ts';
import type { RecordedEvent } from '../../record/events.ts';
import { toWire } from '../../record/wire.ts';
import type { ConversationSummary } from '../../store/store.ts';
import type { AppPorts } from '../ports.ts';
import { eventStream } from '../shapes/conversation.ts';
import { trackingIdOf, unknownConversation } from './conversations.ts';

export const lastEventIdHeader = Type.Object({
  'Last-Event-ID': Type.Optional(
    Type.String({ pattern: '^\\d{1,15}$', description: 'The last event that was seen.' }),
  ),
});

const schema = {
  summary: 'Follow the events of a conversation until it is complete',
  acceptedHeaders: lastEventIdHeader,
  response: {
    200: eventStream,
    204: Type.Null({ description: 'It is complete, and every event was seen.' }),
  },
};

/** The event streams that are open, so that a stop can end them. */
export class Streams {
  readonly #open = new Set<AbortController>();
  #closed = false;

  open(request: FastifyRequest): AbortController {
    const controller = new AbortController();
    if (this.#closed) controller.abort();
    this.#open.add(controller);
    const close = () => controller.abort();
    request.raw.socket.once('close', close);
    controller.signal.addEventListener('abort', () => {
      this.#open.delete(controller);
      request.raw.socket.off('close', close);
    });
    return controller;
  }

  close(): void {
    this.#closed = true;
    for (const controller of [...this.#open]) controller.abort();
  }
}

/**
 * `GET /webhook/{tracking_id}/events`: the record's events as server-sent events until the conversation is complete
 * (https://html.spec.whatwg.org/multipage/server-sent-events.html). The id of each is its sequence number; `Last-Event-ID`
 * resumes after it. A reader of a complete conversation that has seen everything gets 204, which ends an EventSource's
 * reconnecting.
 */
export function registerEvents(app: FastifyInstance, ports: AppPorts, streams: Streams): void {
  const route = { exposeHeadRoute: false, schema };
  app.get<{ Params: { tracking_id: string } }>(
    '/webhook/:tracking_id/events',
    route,
    async (request, reply) => {
      const trackingId = trackingIdOf(request.params.tracking_id);
      const summary = await ports.store.summary(trackingId);
      if (summary === undefined) throw unknownConversation(trackingId);
      return streamEvents(ports, streams, { request, reply, summary });
    },
  );
}

export interface EventStream {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly summary: Pick<ConversationSummary, 'trackingId' | 'complete'>;
  /** Default: all. */
  readonly types?: readonly string[] | undefined;
}

/** Answers with the events of a conversation as they happen. Throws `invalid_request` for an id to go on from that is none. */
export async function streamEvents(
  ports: AppPorts,
  streams: Streams,
  of: EventStream,
): Promise<FastifyReply> {
  const { request, reply, summary, types } = of;
  const afterSequence = lastEventId(request);
  const controller = streams.open(request);
  const followed = ports.follow(summary.trackingId, { afterSequence, signal: controller.signal });
  const events = types === undefined ? followed : ofTypes(followed, types);
  const iterator = events[Symbol.asyncIterator]();
  const first = iterator.next();
  if (summary.complete && afterSequence > 0 && (await first).done === true) {
    controller.abort();
    return reply.code(204).send();
  }
  reply.header('cache-control', 'no-store').header('x-accel-buffering', 'no');
  const heartbeatMs = ports.options.heartbeatMs ?? 15_000;
  return reply
    .type('text/event-stream; charset=utf-8')
    .send(Readable.from(frames(iterator, first, heartbeatMs, controller), { highWaterMark: 16 }));
}

async function* ofTypes(
  events: AsyncIterable<RecordedEvent>,
  types: readonly string[],
): AsyncGenerator<RecordedEvent> {
  for await (const event of events) if (types.includes(event.type)) yield event;
}

/**
 * Events as frames, with a comment whenever none has come for a while. Frames are made as the reader takes them: a slow
 * one holds a few in memory, whatever happens meanwhile.
 */
async function* frames(
  iterator: AsyncIterator<RecordedEvent>,
  first: Promise<IteratorResult<RecordedEvent>>,
  heartbeatMs: number,
  controller: AbortController,
): AsyncGenerator<string> {
  yield 'retry: 2000\n\n';
  let next = first;
  try {
    while (true) {
      const result = await within(next, heartbeatMs);
      if (result === 'late') yield ': still here\n\n';
      else if (result.done === true) return;
      else {
        yield frameOf(result.value);
        next = iterator.next();
      }
    }
  } finally {
    controller.abort();
    next.catch(() => {});
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

function frameOf(event: RecordedEvent): string {
  return `id: ${event.sequence}\nevent: ${event.type}\ndata: ${JSON.stringify(toWire(event))}\n\n`;
}

function lastEventId(request: FastifyRequest): number {
  const text = request.headers['last-event-id'];
  if (text === undefined || text === '') return 0;
  if (typeof text === 'string' && /^\d{1,15}$/.test(text)) return Number(text);
  const message = 'is not the id of an event of this stream';
  throw new SignalboxError('invalid_request', `The header Last-Event-ID ${message}.`, {
    fields: [{ path: 'Last-Event-ID', message }],
  });
}
