import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { SignalboxError } from '../../core/errors.ts';
import { type ConversationEventType, eventTypes, type RecordedEvent } from '../../record/events.ts';
import { toWire } from '../../record/wire.ts';
import { prefers } from '../accept.ts';
import { lastEventIdHeader } from '../event-stream/send.ts';
import type { Streams } from '../event-stream/streams.ts';
import type { AppPorts } from '../ports.ts';
import { eventsShape, timelineShape } from '../shapes/record.ts';
import { readTimeline, type TimelinePageOptions, timelineLimit, timelineToWire } from '../timeline.ts';
import { findConversation } from './conversations.ts';
import { streamConversation } from './events.ts';

export const typeParameter = Type.Optional(
  Type.String({ maxLength: 500, description: 'One or more of the types, separated by commas.' }),
);

const eventsQuery = Type.Object(
  {
    type: typeParameter,
    after: Type.Optional(Type.Integer({ minimum: 0, description: 'The `next` of the page before.' })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500, description: 'Default 100.' })),
  },
  { additionalProperties: false },
);

const timelineQuery = Type.Object(
  {
    after: Type.Optional(Type.String({ maxLength: 100, description: 'The `next` of the page before.' })),
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: timelineLimit, description: `Events. Default ${timelineLimit}.` }),
    ),
  },
  { additionalProperties: false },
);

interface EventsQuery {
  readonly type?: string;
  readonly after?: number;
  readonly limit?: number;
}

type Params = { readonly conversation_id: string };

const schemas = {
  events: {
    summary: 'List the events of a conversation, or follow them until it is complete',
    description: 'With `Accept: text/event-stream` they come as they happen.',
    querystring: eventsQuery,
    acceptedHeaders: lastEventIdHeader,
    response: {
      200: eventsShape,
      204: Type.Null({ description: 'A stream of a complete conversation of which every event was seen.' }),
    },
  },
  timeline: {
    summary:
      'Tell a conversation: questions, messages, tool calls, attempts, steps and waits with their times',
    description:
      'Pages begin with the first event; each has `limit` events, and what runs began to do meanwhile.',
    querystring: timelineQuery,
    response: { 200: timelineShape },
  },
};

/** `GET /conversations/{id}/events` in pages or as a stream, and `GET /conversations/{id}/timeline`; the id is either of its ids. */
export function registerConversationEvents(app: FastifyInstance, ports: AppPorts, streams: Streams): void {
  app.get<{ Params: Params; Querystring: EventsQuery }>(
    '/conversations/:conversation_id/events',
    { schema: schemas.events },
    async (request, reply) => {
      const types = typesOf(request.query.type);
      const summary = await findConversation(ports.store, request.params.conversation_id);
      const { after, limit = 100 } = request.query;
      if (wantsStream(request)) {
        return streamConversation(ports, streams, { request, reply, summary, after, types });
      }
      const page = await readPage(ports, summary.trackingId, { after: after ?? 0, limit, types });
      return { success: true, events: page.events.map(toWire), next: page.next };
    },
  );

  app.get<{ Params: Params; Querystring: TimelinePageOptions }>(
    '/conversations/:conversation_id/timeline',
    { schema: schemas.timeline },
    async ({ params, query }) => {
      const { trackingId } = await findConversation(ports.store, params.conversation_id);
      const { entries, next = null, moreRuns } = await readTimeline(ports, trackingId, query);
      const timeline = entries.map(timelineToWire);
      return { success: true, tracking_id: trackingId, timeline, next, more_runs: moreRuns };
    },
  );
}

export const wantsStream = ({ headers }: FastifyRequest): boolean =>
  prefers(headers.accept, 'text/event-stream', 'application/json');

/** Undefined for all. Throws `invalid_request` for a type that there is not. */
export function typesOf(text: string | undefined): readonly ConversationEventType[] | undefined {
  const types = text?.split(',').map((type) => type.trim());
  const unknown = types?.find((type) => !eventTypes.some((known) => known === type));
  if (unknown === undefined) return types as ConversationEventType[] | undefined;
  const message = `has ${JSON.stringify(unknown.slice(0, 60))}, which is none of ${eventTypes.join(', ')}`;
  throw new SignalboxError('invalid_request', `The parameter type ${message}.`, {
    fields: [{ path: 'type', message }],
  });
}

interface PageOf {
  readonly after: number;
  readonly limit: number;
  readonly types: readonly ConversationEventType[] | undefined;
}

/** Looks at a thousand events at most; a page of some types may have none of them, and a next one. */
async function readPage({ store }: AppPorts, trackingId: string, { after, limit, types }: PageOf) {
  const lookedAt = types === undefined ? limit + 1 : 1_000;
  const found = await store.events(trackingId, after, lookedAt);
  const wanted = found.filter((event) => types === undefined || types.some((type) => type === event.type));
  const events: readonly RecordedEvent[] = wanted.slice(0, limit);
  if (wanted.length > limit) return { events, next: events.at(-1)!.sequence };
  return { events, next: found.length === lookedAt ? found.at(-1)!.sequence : null };
}
