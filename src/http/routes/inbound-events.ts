import type { FastifyInstance, FastifyReply } from 'fastify';
import { type FieldError, SignalboxError } from '../../core/errors.ts';
import { parseStrictJson } from '../../core/strict-json.ts';
import type { StartedRun } from '../../engine/engine.ts';
import { cloudEventMode, readCloudEvents } from '../../inbound/cloud-event.ts';
import { type Enveloped, eventOf, openEnvelope } from '../../inbound/envelope.ts';
import { receivedEvent } from '../../inbound/receive.ts';
import type { InboundEvent, InboundRequest } from '../../inbound/scheme.ts';
import { type SubscriptionNotice, subscriptionNotice } from '../../inbound/sns-subscription.ts';
import { rateLimitOf, type Source } from '../../inbound/source.ts';
import { parseTrigger } from '../../inbound/trigger.ts';
import { doorOf, throughDoor } from '../door.ts';
import { startExecution } from '../executions.ts';
import { inboundOf, sendReply } from '../inbound-request.ts';
import type { AppPorts } from '../ports.ts';
import type { Quotas } from '../quotas.ts';
import { eventsTakenShape } from '../shapes/event.ts';
import { type EventArrival, startEvent } from '../start-events.ts';
import type { Startables } from '../startables.ts';

type Item = Enveloped | { readonly event: InboundEvent; readonly trigger?: undefined };

type Outcome = 'queued' | 'replayed' | 'ignored' | 'refused';

/** What became of one event, as it is answered. */
interface Told {
  readonly id: string | null;
  readonly type: string | null;
  readonly status: Outcome;
  readonly runs: readonly { readonly subscription: string; readonly run_id: string }[];
  readonly execution_id?: string;
  readonly error?: {
    readonly code: string;
    readonly status: number;
    readonly detail: string;
    readonly errors?: readonly FieldError[];
  };
}

interface Handled {
  readonly told: Told;
  readonly error?: SignalboxError;
}

const schema = {
  summary: 'Take CloudEvents, and envelopes of EventBridge, SQS and SNS',
  description:
    'CloudEvents 1.0 in structured, batched (at most 1,000) and binary mode. A batch with an event that is none is refused as a whole. 207 when some of several valid ones can start nothing. See docs/reference/events.md.',
  acceptedBody: {
    content: {
      'application/cloudevents+json': { schema: { type: 'object' } },
      'application/cloudevents-batch+json': { schema: { type: 'array', items: { type: 'object' } } },
      'application/json': { schema: {} },
      '*/*': { schema: {} },
    },
  },
  response: {
    200: {
      description: 'Nothing was started; or a word for SNS, which asked about a subscription.',
      content: {
        'application/json': { schema: eventsTakenShape },
        'text/plain': { schema: { type: 'string' } },
      },
    },
    202: eventsTakenShape,
    207: eventsTakenShape,
  },
};

/** So many starts are under way at once for one batch. */
const together = 50;

/**
 * `POST /events`: CloudEvents in any of their modes, and envelopes of AWS. Each event starts what the sources of the scheme
 * `cloudevents` start that want it; a trigger starts what it names.
 */
export function registerInboundEvents(
  app: FastifyInstance,
  ports: AppPorts,
  startables: Startables,
  quotas: Quotas,
): void {
  const clock = ports.options.clock ?? Date.now;
  app.post('/events', { config: { originIsSender: true }, schema }, async (request, reply) => {
    const inbound = inboundOf(request);
    const sizeBytes = inbound.body.length;
    const arrival = { now: clock(), receivedAt: performance.now(), sizeBytes, door: doorOf(request) };
    const subscription = subscriptionOf(inbound);
    if (subscription !== undefined) {
      ports.log.warning(subscription.notice);
      return sendReply(reply, subscription.reply);
    }
    const items = itemsOf(inbound);
    await quotas.takeForSource(reply, request.caller, 'events', items.length);
    const sources = (await ports.store.sources()).filter(
      ({ scheme, overridden }) => scheme === 'cloudevents' && !overridden,
    );
    const hold = holdsBack(quotas, reply);
    const handled: Handled[] = [];
    for (let at = 0; at < items.length; at += together) {
      const some = items.slice(at, at + together);
      handled.push(
        ...(await Promise.all(
          some.map((item) => handle(ports, startables, { sources, hold }, item, arrival)),
        )),
      );
    }
    return answer(reply, handled);
  });
}

function subscriptionOf(request: InboundRequest): SubscriptionNotice | undefined {
  const isOfSns = request.headers['x-amz-sns-message-type'] !== undefined;
  return isOfSns ? subscriptionNotice(request, parseStrictJson(request.body)) : undefined;
}

function itemsOf(request: InboundRequest): readonly Item[] {
  const { headers, body } = request;
  if (cloudEventMode(request) !== undefined) {
    return readCloudEvents(request).map((event) => ({ event: eventOf(event) }));
  }
  const type = headers['content-type'] ?? '';
  const isJson = /^application\/json\b/i.test(type) || headers['x-amz-sns-message-type'] !== undefined;
  const opened = isJson ? openEnvelope(parseStrictJson(body)) : undefined;
  // Throws that it is no event.
  return opened ?? readCloudEvents(request).map((event) => ({ event: eventOf(event) }));
}

interface Subscriptions {
  readonly sources: readonly Source[];
  /** The reason for which a subscription takes nothing more now. */
  readonly hold: (source: Source) => Promise<SignalboxError | undefined>;
}

/** A subscription that has a limit of its own counts the events that it wants; over it, it alone is held back. */
function holdsBack(quotas: Quotas, reply: FastifyReply): Subscriptions['hold'] {
  return async (source) => {
    const own = rateLimitOf(source);
    if (own === undefined) return undefined;
    try {
      await quotas.takeForWebhook(reply, source.name, own);
      return undefined;
    } catch (error) {
      if (error instanceof SignalboxError && error.code === 'rate_limited') return error;
      throw error;
    }
  };
}

/** What fails for good is told with its event; what may succeed later fails the whole request, to be sent again. */
async function handle(
  ports: AppPorts,
  startables: Startables,
  subscriptions: Subscriptions,
  item: Item,
  request: EventArrival,
): Promise<Handled> {
  const { event } = item;
  const arrival = throughDoor(request, event ?? item);
  const id = event === undefined ? item.id : idOf(event);
  const about = { id, type: event?.eventType ?? null };
  try {
    const done = event
      ? await startAll(startables, subscriptions, event, arrival)
      : await startTrigger(ports, startables, item, arrival);
    return { told: { ...about, ...done.told }, ...(done.error && { error: done.error }) };
  } catch (error) {
    if (!(error instanceof SignalboxError) || error.status >= 500 || error.status === 429) throw error;
    return { told: { ...about, runs: [], ...refusalOf(error) }, error };
  }
}

/** Its own; `deliveryId` has the place where it happened beside it. */
function idOf({ payload, deliveryId }: InboundEvent): string | null {
  const own = typeof payload === 'object' && payload !== null && 'id' in payload ? payload.id : undefined;
  return typeof own === 'string' ? own : (deliveryId ?? null);
}

interface Done {
  readonly told: Pick<Told, 'status' | 'runs' | 'execution_id' | 'error'>;
  /** Of a subscription that is held back. */
  readonly error?: SignalboxError;
}

type Attempt = { readonly held: SignalboxError } | { readonly source: Source; readonly run: StartedRun };

async function startAll(
  startables: Startables,
  { sources, hold }: Subscriptions,
  event: InboundEvent,
  arrival: EventArrival,
): Promise<Done> {
  const wanting = sources
    .map((source) => ({ source, received: receivedEvent(source, event, arrival.now) }))
    .filter(({ received }) => received.wanted);
  const outcomes = await Promise.all(
    wanting.map(async ({ source, received }): Promise<Attempt> => {
      const held = await hold(source);
      return held ? { held } : { source, run: await startEvent(startables, source, received, arrival) };
    }),
  );
  const started = outcomes.flatMap((outcome) => ('run' in outcome ? [outcome] : []));
  const runs = started.map(({ source, run }) => ({ subscription: source.name, run_id: run.runId }));
  const [error] = outcomes.flatMap((outcome) => ('held' in outcome ? [outcome.held] : []));
  if (error !== undefined) return { told: { runs, ...refusalOf(error) }, error };
  if (runs.length === 0) return { told: { status: 'ignored', runs } };
  return { told: { status: started.some(({ run }) => run.created) ? 'queued' : 'replayed', runs } };
}

function refusalOf({ code, status, message: detail, fields: errors }: SignalboxError) {
  return { status: 'refused', error: { code, status, detail, ...(errors && { errors }) } } as const;
}

async function startTrigger(
  ports: AppPorts,
  startables: Startables,
  item: Extract<Item, { readonly event?: undefined }>,
  arrival: EventArrival,
): Promise<Done> {
  const from = { ...arrival, channel: item.channel };
  const { triggered, created } = await startExecution(ports, startables, parseTrigger(item.trigger), from);
  const status = created ? 'queued' : 'replayed';
  return { told: { status, runs: [], execution_id: triggered.executionId } };
}

/** One event that can start nothing, and events of which every one that is wanted is held back, are refused as a request. */
function throwOfAll(handled: readonly Handled[]): void {
  const wanted = handled.filter(({ told }) => told.status !== 'ignored');
  const [first] = wanted;
  const isHeld = ({ told, error }: Handled) => error?.code === 'rate_limited' && told.runs.length === 0;
  if (first?.error === undefined) return;
  if (wanted.every(isHeld) || (handled.length === 1 && first.told.runs.length === 0)) throw first.error;
}

function answer(reply: FastifyReply, handled: readonly Handled[]) {
  throwOfAll(handled);
  const events = handled.map(({ told }) => told);
  const count = (status: Outcome) => events.filter((event) => event.status === status).length;
  const counts = {
    queued: count('queued'),
    replayed: count('replayed'),
    ignored: count('ignored'),
    refused: count('refused'),
  };
  if (counts.replayed > 0 && counts.queued === 0) reply.header('idempotent-replayed', 'true');
  reply.code(counts.refused > 0 ? 207 : counts.queued > 0 ? 202 : 200);
  return { success: counts.refused === 0, ...counts, events };
}
