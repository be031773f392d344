import { createHash } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { SignalboxError } from '../../core/errors.ts';
import type { StartedRun } from '../../engine/engine.ts';
import { RefusedRequests } from '../../inbound/failures.ts';
import { type ReceivedEvent, receive, VerificationError } from '../../inbound/receive.ts';
import type { InboundRequest, Reply } from '../../inbound/scheme.ts';
import { rateLimitOf, type Source } from '../../inbound/source.ts';
import type { AppPorts } from '../ports.ts';
import type { Quotas } from '../quotas.ts';
import { type Startables, startableOf } from '../startables.ts';

/** As long as senders go on sending a delivery again (Stripe: three days), and a little more. */
const keptMs = 7 * 24 * 3_600_000;

type Params = { Params: { source?: string } };

/**
 * `POST /webhooks/{source}`, and `POST /webhooks` with `X-Webhook-Source`: takes what other systems send, verified by the
 * scheme of the source over the bytes as they came, and starts what the source starts.
 */
export function registerWebhooks(
  app: FastifyInstance,
  ports: AppPorts,
  startables: Startables,
  quotas: Quotas,
): void {
  const refused = new RefusedRequests();
  const clock = ports.options.clock ?? Date.now;
  const handle = async (request: FastifyRequest<Params>, reply: FastifyReply) => {
    const receivedAt = performance.now();
    const now = clock();
    const source = await sourceOf(ports, request);
    const inbound = inboundOf(request);
    const received = receiveOrTell(ports, refused, source, inbound, now);
    if (received.handshake !== undefined) return send(reply, received.handshake);
    await quotas.takeForWebhook(reply, source.name, rateLimitOf(source));
    const startable = startableOf(startables, source.starts);
    const starting = received.events
      .filter(({ wanted }) => wanted)
      .map(async (event) => {
        const started = await startable.start(event.input, {
          system: source.name,
          process: event.eventType ?? 'webhook',
          now,
          receivedAt,
          sizeBytes: inbound.body.length,
          ...(event.key !== undefined && { idempotency: idempotencyOf(source, event.key, now) }),
        });
        return { event, started };
      });
    const begun = await Promise.all(starting);
    if (begun.length > 0 && begun.every(({ started }) => !started.created)) {
      reply.header('idempotent-replayed', 'true').code(200);
    } else reply.code(begun.length > 0 ? 202 : 200);
    return received.acknowledgement === undefined
      ? bodyOf(source, received.events, begun)
      : send(reply, received.acknowledgement);
  };
  const config = { callerIsVerified: true };
  app.post<Params>('/webhooks/:source', { config }, handle);
  app.post<Params>('/webhooks', { config }, handle);
}

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

function send(reply: FastifyReply, { status, contentType, body }: Reply): FastifyReply {
  return reply.code(status).type(contentType).send(body);
}

async function sourceOf({ store }: AppPorts, request: FastifyRequest<Params>): Promise<Source> {
  const header = request.headers['x-webhook-source'];
  const name = request.params.source ?? (typeof header === 'string' ? header : undefined);
  if (name === undefined) {
    const message = 'is missing: say which source it is, here or in the path (/webhooks/{source})';
    throw new SignalboxError('malformed_request', `The header X-Webhook-Source ${message}.`);
  }
  const source = await store.source(name);
  if (source !== undefined) return source;
  throw new SignalboxError(
    'unknown_source',
    `There is no source ${JSON.stringify(name.slice(0, 80))}. PUT /sources/{source} makes one.`,
  );
}

function inboundOf(request: FastifyRequest<Params>): InboundRequest {
  const headers: Record<string, string | undefined> = {};
  for (const [name, value] of Object.entries(request.headers)) {
    headers[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  const { method, originalUrl } = request;
  const url = `${request.protocol}://${request.headers.host ?? 'localhost'}${originalUrl}`;
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  return { method, url, headers, body };
}

function receiveOrTell(
  { log, options }: AppPorts,
  refused: RefusedRequests,
  source: Source,
  request: InboundRequest,
  now: number,
) {
  try {
    return receive(source, request, now, options.verifiesWebhooks);
  } catch (error) {
    if (error instanceof VerificationError) {
      const notice = refused.count(source.name, now);
      const { because } = error;
      const line = { source: source.name, because, bodySha256: sha256(request.body) };
      if (notice === 'sample') log.webhookRefused({ ...line, headers: Object.keys(request.headers) });
      if (notice === 'spike') log.webhooksRefused({ source: source.name });
    }
    throw error;
  }
}

/** The length keeps names and keys apart. A key of any length becomes one of the same length. */
function idempotencyOf(source: Source, key: string, now: number) {
  return {
    key: `source:${source.name.length}:${source.name}:${sha256(key)}`,
    // A delivery is known by its id alone: what a sender sends again under it is answered as the first one was.
    fingerprint: source.name,
    expiresAt: now + keptMs,
  };
}

const sha256 = (content: string | Buffer) => createHash('sha256').update(content).digest('hex');
