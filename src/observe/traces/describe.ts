import { messageOf, SignalboxError } from '../../core/errors.ts';
import { safeUrl } from '../../core/safe-url.ts';
import type { Fact } from '../../engine/engine.ts';
import type { EventData } from '../../record/events.ts';
import type { WatchedAttempt } from '../watched-flow.ts';
import type { SpanData } from './span.ts';

/** What a span says, without its place in a trace. */
export type Described = Pick<SpanData, 'name' | 'kind' | 'startedAt' | 'endedAt' | 'attributes' | 'error'>;

/**
 * Attempts as spans, by what they recorded: requests of deliveries as https://opentelemetry.io/docs/specs/semconv/http/http-spans/
 * has them. Every other one is named by its step. Calls of agents are in `generative.ts`.
 */
export function describeAttempt(attempt: WatchedAttempt): Described {
  const { step, startedAt, endedAt, error } = attempt;
  const times = { startedAt, endedAt };
  const attributes = attributesOf(attempt);
  const delivered = dataOf(attempt.facts, 'WEBHOOK_DELIVERY_SUCCESS');
  const refused = dataOf(attempt.facts, 'WEBHOOK_DELIVERY_FAILED');
  const request = delivered ?? refused;
  if (request !== undefined) return { ...times, ...describeDelivery(request, attributes, refused?.reason) };
  return { ...times, name: step, kind: 'internal', ...withError(attributes, error) };
}

export const attributesOf = ({ flow, runId, step, attempt }: WatchedAttempt): Described['attributes'] => ({
  'signalbox.flow': flow,
  'signalbox.run_id': runId,
  'signalbox.step': step,
  'signalbox.attempt': attempt,
});

function dataOf<T extends keyof EventData>(facts: readonly Fact[], type: T): EventData[T] | undefined {
  return facts.find((fact) => fact.type === type)?.data as EventData[T] | undefined;
}

/** https://opentelemetry.io/docs/specs/semconv/registry/attributes/error/ */
export function withError(
  attributes: Described['attributes'],
  error: unknown,
): Pick<Described, 'attributes' | 'error'> {
  if (error === undefined) return { attributes };
  const type = error instanceof SignalboxError ? error.code : error instanceof Error ? error.name : '_OTHER';
  return { attributes: { ...attributes, 'error.type': type }, error: messageOf(error) };
}

type Request = EventData['WEBHOOK_DELIVERY_SUCCESS'] | EventData['WEBHOOK_DELIVERY_FAILED'];

function describeDelivery(
  request: Request,
  attributes: Described['attributes'],
  failure: string | undefined,
) {
  const { webhookUrl, statusCode, attempt } = request;
  const own = {
    ...attributes,
    'http.request.method': 'POST',
    // Its query may hold a secret.
    'url.full': safeUrl(webhookUrl),
    ...serverOf(webhookUrl),
    ...(statusCode !== null && { 'http.response.status_code': statusCode }),
    ...(attempt > 1 && { 'http.request.resend_count': attempt - 1 }),
    ...(failure !== undefined && { 'error.type': statusCode === null ? '_OTHER' : String(statusCode) }),
  };
  const error = failure === undefined ? {} : { error: failure };
  return { name: 'POST', kind: 'client', attributes: own, ...error } as const;
}

/** https://opentelemetry.io/docs/specs/semconv/registry/attributes/server/ */
export function serverOf(text: string): Described['attributes'] {
  const url = URL.parse(text);
  if (url === null) return {};
  const port = Number(url.port) || (url.protocol === 'https:' ? 443 : 80);
  return { 'server.address': url.hostname, 'server.port': port };
}
