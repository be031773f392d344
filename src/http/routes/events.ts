import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { RecordedEvent } from '../../record/events.ts';
import type { ConversationSummary } from '../../store/store.ts';
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
import { eventStream } from '../shapes/conversation.ts';
import { trackingIdOf, unknownConversation } from './conversations.ts';

const schema = {
  summary: 'Follow the events of a conversation until it is complete',
  acceptedHeaders: lastEventIdHeader,
  response: {
    200: eventStream,
    204: Type.Null({ description: 'It is complete, and every event was seen.' }),
  },
};

/**
 * `GET /webhook/{tracking_id}/events`: the record's events as server-sent events until the conversation is complete. The id of each is its
 * sequence number; `Last-Event-ID` resumes after it. A reader of a complete conversation that has seen everything gets 204, which ends an
 * EventSource's reconnecting.
 */
export function registerEvents(app: FastifyInstance, ports: AppPorts, streams: Streams): void {
  app.get<{ Params: { tracking_id: string } }>(
    '/webhook/:tracking_id/events',
    { schema },
    async (request, reply) => {
      const trackingId = trackingIdOf(request.params.tracking_id);
      const summary = await ports.store.summary(trackingId);
      if (summary === undefined) throw unknownConversation(trackingId);
      return streamConversation(ports, streams, { request, reply, summary });
    },
  );
}

export interface ConversationStream {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly summary: Pick<ConversationSummary, 'trackingId' | 'complete'>;
  /** The sequence number to go on after, unless a header says a newer one. */
  readonly after?: number | undefined;
  /** Default: all. */
  readonly types?: readonly string[] | undefined;
}

/** Answers with the events of a conversation as they happen. Throws `invalid_request` for an id to go on from that is none. */
export async function streamConversation(
  ports: AppPorts,
  streams: Streams,
  { request, reply, summary, after, types }: ConversationStream,
): Promise<FastifyReply> {
  const afterSequence = lastEventIdOf(request) ?? after ?? 0;
  const controller = streams.open(request);
  const parts = partsOf(
    ports.follow(summary.trackingId, { afterSequence, signal: controller.signal }),
    types,
  );
  const first = parts.next();
  if (summary.complete && afterSequence > 0 && (await first).done === true) {
    controller.abort();
    return reply.code(204).send();
  }
  if (request.method === 'HEAD') {
    controller.abort();
    Promise.all([first, parts.return()]).catch(() => {});
    return sendEventStreamHead(reply);
  }
  return sendEventStream(ports, { request, reply, controller, parts, first });
}

async function* partsOf(
  events: AsyncIterable<RecordedEvent>,
  types: readonly string[] | undefined,
): AsyncGenerator<StreamPart, void> {
  for await (const event of events) {
    if (types === undefined || types.includes(event.type)) {
      yield { frames: frameOf(event), position: event.sequence };
    }
  }
}
