import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { SignalboxError } from '../../core/errors.ts';
import type { StartedRun } from '../../engine/engine.ts';
import type { ReceivedEvent } from '../../inbound/receive.ts';
import { rateLimitOf, type Source } from '../../inbound/source.ts';
import { doorOf } from '../door.ts';
import type { InboundDoor } from '../inbound-door.ts';
import { inboundOf, sendReply } from '../inbound-request.ts';
import type { AppPorts } from '../ports.ts';
import type { Quotas } from '../quotas.ts';
import { webhookTakenShape } from '../shapes/source.ts';
import { startEvent } from '../start-events.ts';
import type { Startables } from '../startables.ts';

const handshakeShape = Type.Unsafe<object>({
  type: 'object',
  additionalProperties: { type: 'string' },
  description: 'What a vendor wants to see that asks whether its source is here.',
});

const taken = {
  description: 'What it started; for some senders the acknowledgement or the handshake that they ask for.',
  content: {
    'application/json': { schema: Type.Union([webhookTakenShape, handshakeShape]) },
    'text/xml': { schema: { type: 'string' } },
    'text/plain': { schema: { type: 'string' } },
  },
};

const schema = {
  summary: 'Take a webhook of another system, verified as that system signs it',
  description:
    'Any body, of any type: it is read once the signature holds. See docs/reference/inbound.md for what each scheme expects.',
  acceptedBody: { content: { '*/*': { schema: {} } } },
  response: { 200: taken, 202: taken },
};

const questionSchema = {
  summary: 'Answer a vendor that asks whether its source is here',
  description: 'Of a source with `options.handshake`; see docs/reference/inbound.md.',
  response: {
    200: {
      description: 'What the vendor wants to see.',
      content: {
        'application/json': { schema: { type: 'object' } },
        'text/plain': { schema: { type: 'string' } },
      },
    },
  },
};

const sourceHeader = Type.Object({
  'X-Webhook-Source': Type.String({ description: 'The source, where the path does not name it.' }),
});

type Params = { Params: { source?: string } };

/**
 * `POST /webhooks/{source}` (`POST /events/{source}` is the same), and `POST /webhooks` with `X-Webhook-Source`: takes what other systems send, verified by the
 * scheme of the source over the bytes as they came, and starts what the source starts.
 */
export function registerWebhooks(
  app: FastifyInstance,
  ports: AppPorts,
  startables: Startables,
  quotas: Quotas,
  door: InboundDoor,
): void {
  const clock = ports.options.clock ?? Date.now;
  const handle = async (request: FastifyRequest<Params>, reply: FastifyReply) => {
    const arrival = { now: clock(), receivedAt: performance.now(), door: doorOf(request) };
    const inbound = inboundOf(request);
    const { source, received } = await door.receive(nameOf(request), inbound, request.ip, arrival.now);
    if (received.handshake !== undefined) return sendReply(reply, received.handshake);
    await quotas.takeForWebhook(reply, source.name, rateLimitOf(source), received.events.length);
    const sizeBytes = inbound.body.length;
    const starting = received.events
      .filter(({ wanted }) => wanted)
      .map(async (event) => {
        const started = startEvent(startables, source, event, { ...arrival, sizeBytes });
        if (received.acknowledgement === undefined) return { event, started: await started };
        return started.then((run) => ({ event, started: run }), refusedEvent(event));
      });
    const outcomes = await Promise.all(starting);
    const begun = outcomes.flatMap((outcome) => ('started' in outcome ? outcome : []));
    const refused = outcomes.flatMap((outcome) => ('refusal' in outcome ? outcome : []));
    if (refused.length > 0) {
      if (begun.length === 0) throw refused[0]!.refusal;
      const about = { source, request: inbound, from: request.ip, now: arrival.now };
      const leftOut = refused.map(({ event, refusal }) => ({
        id: event.key ?? '-',
        problem: refusal.message,
      }));
      await door.leaveOut(about, leftOut);
    }
    if (begun.length > 0 && begun.every(({ started }) => !started.created)) {
      reply.header('idempotent-replayed', 'true').code(200);
    } else reply.code(begun.length > 0 ? 202 : 200);
    return received.acknowledgement === undefined
      ? bodyOf(source, received.events, begun)
      : sendReply(reply, received.acknowledgement);
  };
  const config = { callerIsVerified: true };
  const question = { config, schema: questionSchema, exposeHeadRoute: false };
  app.get<{ Params: { source: string } }>('/webhooks/:source', question, async (request, reply) => {
    reply.header('allow', 'POST');
    const asked = await door.answer(request.params.source, inboundOf(request), request.ip, clock());
    await quotas.takeForHandshake(reply, asked.source.name);
    return sendReply(reply, asked.reply);
  });
  app.post<Params>('/webhooks/:source', { config, schema }, handle);
  app.post<Params>('/events/:source', { config, schema }, handle);
  app.post<Params>('/webhooks', { config, schema: { ...schema, acceptedHeaders: sourceHeader } }, handle);
}

/** An input that does not fit does not fit next time either; anything else fails the whole message, to be sent again. */
const refusedEvent = (event: ReceivedEvent) => (error: unknown) => {
  if (error instanceof SignalboxError && error.code === 'invalid_request') return { event, refusal: error };
  throw error;
};

function bodyOf(
  source: Source,
  events: readonly ReceivedEvent[],
  begun: readonly { event: ReceivedEvent; started: StartedRun }[],
) {
  const runs = begun.map(({ event, started }) => ({
    run_id: started.runId,
    event_type: event.eventType ?? null,
  }));
  const ignored = events.filter(({ wanted }) => !wanted).length;
  return {
    success: true,
    message: runs.length > 0 ? 'Webhook queued for processing' : 'Webhook received; nothing is started by it',
    source: source.name,
    status: runs.length > 0 ? 'queued' : 'ignored',
    runs,
    ignored,
  };
}

function nameOf(request: FastifyRequest<Params>): string {
  const header = request.headers['x-webhook-source'];
  const name = request.params.source ?? (typeof header === 'string' ? header : undefined);
  if (name !== undefined) return name;
  const message = 'is missing: say which source it is, here or in the path (/webhooks/{source})';
  throw new SignalboxError('malformed_request', `The header X-Webhook-Source ${message}.`);
}
