import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { SignalboxError } from '../../core/errors.ts';
import type { EventSelection, LoggedEvent } from '../../record/feed/event-log.ts';
import { fixedOf, type LogPiece, selectEvents } from '../../record/feed/follow.ts';
import { toWire } from '../../record/wire.ts';
import { type FilterQuery, filterOf, filterParameters } from '../conversation-filter.ts';
import {
  frameOf,
  lastEventIdHeader,
  lastEventIdOf,
  type StreamPart,
  sendEventStream,
  sendEventStreamHead,
} from '../event-stream/send.ts';
import type { Streams } from '../event-stream/streams.ts';
import type { AppPorts } from '../ports.ts';
import { logEventsShape } from '../shapes/record.ts';
import { typeParameter, typesOf, wantsStream } from './conversation-events.ts';

const { from: _, to: __, ...filters } = filterParameters;

const schema = {
  summary: 'List the events of all conversations, or follow them',
  description:
    'With `Accept: text/event-stream` they come as they happen, without an end: from now on, or after `Last-Event-ID` or `after`. Otherwise a page of the log.',
  querystring: Type.Object(
    {
      type: typeParameter,
      ...filters,
      after: Type.Optional(
        Type.Integer({
          minimum: 0,
          maximum: 999_999_999_999_999,
          description: 'A `position` of before. 0 is the beginning of the log.',
        }),
      ),
      limit: Type.Optional(
        Type.Integer({ minimum: 1, maximum: 500, description: 'Of a page. Default 100.' }),
      ),
    },
    { additionalProperties: false },
  ),
  acceptedHeaders: lastEventIdHeader,
  response: { 200: logEventsShape },
};

interface LogQuery extends Omit<FilterQuery, 'from' | 'to'> {
  readonly type?: string;
  readonly after?: number;
  readonly limit?: number;
}

/** `GET /conversations/events`: the events of all conversations that are wanted, in pages or as a stream that does not end. */
export function registerLogEvents(app: FastifyInstance, ports: AppPorts, streams: Streams): void {
  app.get<{ Querystring: LogQuery }>('/conversations/events', { schema }, async (request, reply) => {
    const selection = selectionOf(request.query);
    if (wantsStream(request)) return streamLog(ports, streams, { request, reply, selection });
    const { after = 0, limit = 100 } = request.query;
    const page = await readPage(ports, selection, { after, limit });
    return {
      success: true,
      events: page.events.map(({ event }) => toWire(event)),
      next: page.isEnd ? null : page.position,
      position: page.position,
    };
  });
}

function selectionOf(query: LogQuery): EventSelection {
  const { conversationId: _, from: __, to: ___, ...filter } = filterOf(query);
  const types = typesOf(query.type);
  return { ...filter, ...(types !== undefined && { types }) };
}

interface LogStream {
  readonly request: FastifyRequest<{ Querystring: LogQuery }>;
  readonly reply: FastifyReply;
  readonly selection: EventSelection;
}

/** Where the header and the parameter both say a place, a browser has come back: the header is newer. */
async function streamLog(
  ports: AppPorts,
  streams: Streams,
  { request, reply, selection }: LogStream,
): Promise<FastifyReply> {
  const asked = lastEventIdOf(request) ?? request.query.after;
  if (request.method === 'HEAD') return sendEventStreamHead(reply);
  const controller = streams.openOfAll(request);
  try {
    const newest = await ports.store.newestSequence();
    const position = Math.min(asked ?? newest, newest);
    const pieces = ports.followLog(selection, { after: position, signal: controller.signal });
    const rewound = asked !== undefined && asked > newest ? rewoundFrame(asked, newest) : undefined;
    const parts = partsOf(pieces, position, rewound);
    return sendEventStream(ports, { request, reply, controller, parts, position });
  } catch (error) {
    controller.abort();
    throw error;
  }
}

async function* partsOf(
  pieces: AsyncIterable<LogPiece>,
  position: number,
  first: Buffer | undefined,
): AsyncGenerator<StreamPart> {
  if (first !== undefined) yield { frames: first, position };
  for await (const piece of pieces) {
    const frames = piece.events.map(({ event }) => frameOf(event));
    // A single one, however large, is the same memory for all readers.
    yield { frames: frames.length === 1 ? frames[0]! : Buffer.concat(frames), position: piece.position };
  }
}

/** An older backup was restored, or another server answers: what came after `newest` there is not here. */
function rewoundFrame(after: number, newest: number): Buffer {
  const detail = `The record ends with ${newest}, and ${after} was seen: it is not the one of before. This goes on after ${newest}.`;
  const data = { event_type: 'RECORD_REWOUND', after, newest, detail };
  return Buffer.from(`id: ${newest}\nevent: RECORD_REWOUND\ndata: ${JSON.stringify(data)}\n\n`);
}

/** A page is looked for so long; then it has what was found, and a next one. */
const budgetMs = 60;

/** Throws `invalid_request` for a place that is not in this log. */
async function readPage(
  { store }: AppPorts,
  selection: EventSelection,
  { after, limit }: { readonly after: number; readonly limit: number },
): Promise<LogPiece> {
  if (after > 0) await checkPlace(store, after);
  const events: LoggedEvent[] = [];
  let position = after;
  for (const until = performance.now() + budgetMs; ; ) {
    const query = { ...fixedOf(selection), limit: limit - events.length, sizeBytes: 1_048_576 };
    const page = await store.eventLog(position, query);
    events.push(...(await selectEvents(store, page.events, selection)));
    position = page.position;
    if (page.isEnd || events.length >= limit || performance.now() > until) {
      return { events, position, isEnd: page.isEnd };
    }
  }
}

async function checkPlace(store: AppPorts['store'], after: number): Promise<void> {
  const newest = await store.newestSequence();
  if (after <= newest) return;
  const message = `is ${after}, and the newest event is ${newest}: it is a place in another record. Go on with after=${newest}, or from the beginning with after=0`;
  throw new SignalboxError('invalid_request', `The parameter after ${message}.`, {
    fields: [{ path: 'after', message }],
  });
}
