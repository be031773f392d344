import { createHash } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { canonicalJsonOfText } from '../../core/canonical-json.ts';
import { conversationId } from '../../core/conversation-id.ts';
import { SignalboxError } from '../../core/errors.ts';
import { nextSuffix, uuidv7 } from '../../core/ids.ts';
import type { Json } from '../../core/json.ts';
import type { Fact, Idempotency, StartedRun } from '../../engine/engine.ts';
import type { QueryInput } from '../../flows/query/input.ts';
import { event } from '../../record/events.ts';
import { type Ask, parseAsk } from '../ask-body.ts';
import { type Door, doorOf } from '../door.ts';
import type { AppPorts } from '../ports.ts';
import type { Quotas } from '../quotas.ts';
import { acceptedShape, askShape } from '../shapes/conversation.ts';

const keptMs = 24 * 3_600_000;

const schema = {
  summary: 'Ask a question',
  description: 'Answered once the request is durable: from then on it survives a crash of the process.',
  acceptedBody: askShape,
  acceptedHeaders: Type.Object({
    'Idempotency-Key': Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 255,
        description:
          'Kept 24 h per source system: the same key and body give the first response again, with `Idempotent-Replayed: true`.',
      }),
    ),
  }),
  response: { 202: acceptedShape },
};

/** `POST /webhook`: takes a question and answers 202 once it is durable. */
export function registerAsk(app: FastifyInstance, ports: AppPorts, accept: Accept, quotas: Quotas): void {
  app.post('/webhook', { schema }, async (request, reply) => {
    const receivedAt = performance.now();
    const now = (ports.options.clock ?? Date.now)();
    const body = request.body as Json | undefined;
    const ask = parseAsk(body, now);
    await quotas.takeForSource(reply, request.caller, ask.sourceSystem);
    const key = idempotencyKey(request);
    const size = Number(request.headers['content-length']) || Buffer.byteLength(JSON.stringify(body));
    const begun = { now, receivedAt, requestSizeBytes: size, door: doorOf(request) };
    const started = await accept(
      ask,
      begun,
      key === undefined ? undefined : idempotencyOf(key, ask, String(request.rawBody), now),
    );
    return accepted(reply, started);
  });
}

export interface Begun {
  readonly now: number;
  /** By `performance.now()`. */
  readonly receivedAt: number;
  readonly requestSizeBytes: number;
  /** Of the run; also the tracking id. Default: a new one. */
  readonly runId?: string;
  /** What else is kept with the start. */
  readonly facts?: readonly Fact[];
  readonly door?: Door;
}

export type Accept = (ask: Ask, begun: Begun, idempotency?: Idempotency) => Promise<StartedRun>;

/** Starts the run of a question; resolves once it is durable. */
export function createAccept(ports: AppPorts): Accept {
  const inProgress = new Set<string>();
  return async (ask, begun, idempotency) => {
    if (idempotency === undefined) return startQuestion(ports, ask, begun);
    const { key } = idempotency;
    if (inProgress.has(key)) throw stillInProgress();
    inProgress.add(key);
    try {
      return await startQuestion(ports, ask, begun, idempotency);
    } finally {
      inProgress.delete(key);
    }
  };
}

/** Many at once under one key start one run, and all are told of it. */
export async function startQuestion(
  ports: AppPorts,
  ask: Ask,
  begun: Begun,
  idempotency?: Idempotency,
): Promise<StartedRun> {
  const input = inputOf(ports, ask, begun);
  const { conversationId, deliveryId, webhookType, queuedAt, estimatedProcessingTime } = input;
  const received = event('WEBHOOK_REQUEST_RECEIVED', input.trackingId, {
    ...ask,
    conversationId,
    deliveryId,
    webhookType,
    queuedAt,
    estimatedProcessingTime,
    requestSizeBytes: begun.requestSizeBytes,
  });
  const options = {
    runId: input.trackingId,
    facts: [received, ...(begun.facts ?? [])],
    ...(idempotency && { idempotency }),
  };
  if (begun.door?.trace !== undefined) ports.log.traced(input);
  const started = await ports.engine.start(ports.queryFlow, input, options);
  if (started.created && ports.traces !== undefined) {
    const times = { startedAt: begun.now, endedAt: begun.now + performance.now() - begun.receivedAt };
    ports.traces.accepted({ runId: started.runId, input, route: begun.door?.route, ...times });
  }
  return started;
}

function inputOf(
  ports: AppPorts,
  ask: Ask,
  { now, receivedAt, runId = uuidv7(now), door }: Begun,
): QueryInput {
  // What the contract does not name stays on the record alone: a run's input has a smaller limit than a body.
  const { query, sourceSystem, sourceProcess, timestamp } = ask;
  const webhookType = ports.guessType(query);
  return {
    ...{ query, sourceSystem, sourceProcess, timestamp },
    ...door?.trace,
    trackingId: runId,
    conversationId: conversationId({ nowMs: now, sourceSystem, sourceProcess, suffix: nextSuffix() }),
    deliveryId: uuidv7(now),
    webhookType,
    queuedAt: new Date(now).toISOString(),
    estimatedProcessingTime: ports.estimate(webhookType),
    processingTimeMs: Math.round((performance.now() - receivedAt) * 100) / 100,
  };
}

/** A request that came before has the answer that it had before: both are made of the run's input alone. */
function accepted(reply: FastifyReply, started: StartedRun): FastifyReply {
  if (!started.created) reply.header('idempotent-replayed', 'true');
  const body = JSON.stringify(responseOf(started.input as QueryInput));
  return reply.code(202).type('application/json; charset=utf-8').send(body);
}

function responseOf(input: QueryInput) {
  return {
    success: true,
    message: 'Request queued for processing',
    tracking_id: input.trackingId,
    queued_at: input.queuedAt,
    estimated_processing_time: input.estimatedProcessingTime,
    status: 'queued',
    tracking: {
      conversation_id: input.conversationId,
      delivery_id: input.deliveryId,
      webhook_type: input.webhookType,
      processing_time_ms: input.processingTimeMs,
    },
  };
}

function idempotencyKey(request: FastifyRequest): string | undefined {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (typeof key === 'string' && key.length >= 1 && key.length <= 255) return key;
  const message = 'must have 1 to 255 characters';
  throw new SignalboxError('invalid_request', `The header Idempotency-Key ${message}.`, {
    fields: [{ path: 'Idempotency-Key', message }],
  });
}

/** The length keeps names and keys apart: ("a", "b:c") is not ("a:b", "c"). */
function idempotencyOf(key: string, ask: Ask, text: string, now: number): Idempotency {
  return {
    key: `webhook:${ask.sourceSystem.length}:${ask.sourceSystem}:${key}`,
    fingerprint: createHash('sha256').update(canonicalJsonOfText(text)).digest('hex'),
    expiresAt: now + keptMs,
  };
}

function stillInProgress(): SignalboxError {
  return new SignalboxError(
    'idempotency_in_progress',
    'The first request with this Idempotency-Key is still being accepted. Send it again in a moment.',
    { retryAfterMs: 1_000 },
  );
}
