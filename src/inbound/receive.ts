import { createHash } from 'node:crypto';
import { SignalboxError } from '../core/errors.ts';
import type { Json, JsonObject } from '../core/json.ts';
import type { SenderTrace } from '../core/trace-context.ts';
import { cloudEventMode, readCloudEvents } from './cloud-event.ts';
import { eventOf, eventsWithin, eventsWithinText, openEnvelope } from './envelope.ts';
import { answerHandshake, checkSignedBody } from './handshakes.ts';
import { payloadOf } from './payload.ts';
import type { InboundEvent, InboundRequest, Refusal, Reply, Scheme } from './scheme.ts';
import { schemes } from './schemes.ts';
import { subscriptionNotice } from './sns-subscription.ts';
import { type Source, secretsAt, wants } from './source.ts';
import { fillTemplate, valueAt } from './template.ts';

/** A verified request: the answer to a question whether we are there, or events. */
export type Received =
  | { readonly handshake: Reply /** For the log. */; readonly notice?: string }
  | {
      readonly handshake?: undefined;
      readonly events: readonly ReceivedEvent[];
      readonly acknowledgement: Reply | undefined;
      /** The label of the secret that it was signed with. */
      readonly secretLabel: string | undefined;
    };

export interface ReceivedEvent {
  readonly eventType: string | undefined;
  /** Makes it idempotent; undefined where nothing tells one event from another. */
  readonly key: string | undefined;
  /** False for a type that the source does not want. */
  readonly wanted: boolean;
  /** What it starts is started with this. */
  readonly input: Json;
  readonly trace?: SenderTrace | undefined;
}

/** Why a request was not let in, for the log alone: the caller is told no more than its code. */
export class VerificationError extends SignalboxError {
  readonly because: Refusal;

  constructor(because: Refusal) {
    const [code, message] =
      because === 'stale'
        ? ([
            'timestamp_out_of_range',
            'The request was signed too long ago, or by a clock that is ahead. Send it within 5 minutes of signing it.',
          ] as const)
        : (['signature_invalid', 'The request is not signed with a secret of this source.'] as const);
    super(code, message);
    this.because = because;
  }
}

/**
 * Verifies a request of a source and reads its events. Throws `signature_invalid` or `timestamp_out_of_range` (a
 * `VerificationError`), and what `payloadOf` throws, in this order: nothing of a body is read before it is verified.
 */
export function receive(source: Source, request: InboundRequest, nowMs: number, verifies = true): Received {
  const scheme = schemes.get(source.scheme)!;
  const secretLabel = verifies ? verify(scheme, source, request, nowMs) : undefined;
  checkSignedBody(handshakeOf(source), request);
  if (scheme.takesAnyEvent && cloudEventMode(request) !== undefined) {
    const isUnsigned = scheme.signsBody && cloudEventMode(request) === 'binary';
    const events =
      (isUnsigned ? eventsWithinText(request.body) : undefined) ??
      readCloudEvents(request).map((event) => ({
        ...eventOf(event),
        // In binary mode all but the data is header fields.
        ...(isUnsigned && { idIsUnsigned: true, attributesAreUnsigned: true }),
      }));
    return { events: keyed(scheme, source, request, events, nowMs), acknowledgement: undefined, secretLabel };
  }
  const payload = payloadOf(scheme, request);
  const handshake =
    scheme.handshake?.(payload) ??
    answerHandshake(source.options, request, payload, secretTexts(source, nowMs));
  if (handshake !== undefined) return { handshake };
  const subscription = scheme.takesAnyEvent ? subscriptionNotice(request, payload) : undefined;
  if (subscription !== undefined) return { handshake: subscription.reply, notice: subscription.notice };
  const enveloped = scheme.takesAnyEvent ? anyEvents(scheme, payload) : undefined;
  const events = enveloped?.length ? enveloped : scheme.events(request, payload, source.options);
  return {
    events: keyed(scheme, source, request, events, nowMs),
    acknowledgement: scheme.acknowledgement?.(),
    secretLabel,
  };
}

/** The answer to a request without a body and a signature that asks whether we are there; undefined for what is none. */
export function receiveQuestion(source: Source, request: InboundRequest, nowMs: number): Reply | undefined {
  return answerHandshake(source.options, request, null, secretTexts(source, nowMs));
}

const handshakeOf = ({ options }: Source) =>
  typeof options.handshake === 'string' ? options.handshake : undefined;
const secretTexts = (source: Source, nowMs: number) => secretsAt(source, nowMs).map(({ secret }) => secret);

function verify(scheme: Scheme, source: Source, request: InboundRequest, nowMs: number): string | undefined {
  const secrets = secretsAt(source, nowMs);
  const verdict = scheme.verify(
    request,
    secrets.map(({ secret }) => secret),
    source.options,
    nowMs,
  );
  if (!verdict.verified) throw new VerificationError(verdict.because);
  return verdict.secret === undefined ? undefined : secrets[verdict.secret]?.label;
}

/** What a source makes of an event. `fallbackKey` makes it idempotent where nothing of its own does. */
export function receivedEvent(
  source: Source,
  event: InboundEvent,
  nowMs: number,
  fallbackKey?: string,
): ReceivedEvent {
  const { eventType: typeOfScheme, eventSource, deliveryId, payload } = event;
  const { input, dedup_key: path, event_key: typePath } = source.options;
  const typeOfSource = typePath === undefined ? undefined : asText(valueAt(payload, typePath));
  const eventType = typeOfSource ?? typeOfScheme;
  const values = {
    payload,
    source: source.name,
    event: eventType ?? null,
    delivery_id: deliveryId || null,
    received_at: new Date(nowMs).toISOString(),
  } satisfies JsonObject;
  return {
    eventType,
    key: keyOf(event, path) ?? fallbackKey,
    wanted: wants(source, eventType, eventSource),
    input: input === undefined ? values : fillTemplate(input, values),
    ...(event.trace && { trace: event.trace }),
  };
}

const asText = (value: Json | undefined) =>
  value === undefined || value === null || value === ''
    ? undefined
    : typeof value === 'string'
      ? value
      : JSON.stringify(value);

/** Header fields are not signed: with others, the same body must not be other events. */
const anyEvents = (scheme: Scheme, payload: Json) =>
  scheme.signsBody
    ? eventsWithin(payload)
    : openEnvelope(payload)?.map(({ event, asEvent }) => event ?? asEvent);

/** What makes an event one: only what is signed, or else whoever has seen a request could send it for ever under other ids. */
function keyOf({ deliveryId, idIsUnsigned, attributesAreUnsigned, payload }: InboundEvent, path?: string) {
  const isSigned = !attributesAreUnsigned || /^data(_base64)?(\.|$)/.test(path ?? '');
  const configured = path === undefined || !isSigned ? undefined : asText(valueAt(payload, path));
  return configured ?? (idIsUnsigned ? undefined : deliveryId || undefined);
}

/** Several events of one request that have no ids of their own are told apart by their places in it. */
function keyed(
  scheme: Scheme,
  source: Source,
  request: InboundRequest,
  events: readonly InboundEvent[],
  nowMs: number,
): readonly ReceivedEvent[] {
  const key = requestKey(scheme, source, request);
  return events.map((event, index) =>
    receivedEvent(source, event, nowMs, key && (events.length === 1 ? key : `${key}:${index}`)),
  );
}

/**
 * Without an id that is signed, the same signed content is the same delivery again. Where a time is signed, the same body at another
 * time is another delivery. Where nothing is signed there is nothing to repeat.
 */
function requestKey(scheme: Scheme, { options }: Source, request: InboundRequest): string | undefined {
  if (!scheme.signsBody) return undefined;
  const hash = createHash('sha256');
  for (const part of scheme.signedContent?.(request, options) ?? [request.body]) hash.update(part);
  return `sha256:${hash.digest('hex')}`;
}
