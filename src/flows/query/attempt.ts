import type { CircuitBreakers } from '../../core/circuit-breaker.ts';
import { type ErrorCode, messageOf, SignalboxError } from '../../core/errors.ts';
import { jitter } from '../../core/retry.ts';
import { safeUrl } from '../../core/safe-url.ts';
import { traceHeaders } from '../../core/trace-context.ts';
import type { StepContext } from '../../engine/engine.ts';
import type { Log } from '../../observe/log.ts';
import type { Endpoint, EndpointOf } from '../../outbound/endpoints.ts';
import type { SendOutcome } from '../../outbound/outcome.ts';
import { nextAttemptDelayMs } from '../../outbound/schedule.ts';
import type { Sender } from '../../outbound/send.ts';
import type { Signer } from '../../outbound/sign.ts';
import { type AboutDelivery, type AttemptData, type EventData, event } from '../../record/events.ts';
import type { Store } from '../../store/store.ts';
import { envelope } from './envelope.ts';
import type { DeliveryInput } from './input.ts';

export interface DeliveryPorts {
  readonly store: Pick<Store, 'disabledEndpoint' | 'disableEndpoint'>;
  readonly endpointOf: EndpointOf;
  readonly sign: Signer;
  readonly sender: Sender;
  readonly breakers: CircuitBreakers;
  readonly log: Log;
  /** Whether conversations are exported when they end. */
  readonly exportsConversations: boolean;
  readonly clock?: () => number;
  /** What a receiver is told of the trace. Default: what the sender said. */
  readonly traceHeaders?: (input: DeliveryInput, context: StepContext) => Record<string, string>;
}

/** Where a delivery stands before an attempt. */
export interface AttemptPlace {
  /** From 1. */
  readonly attempt: number;
  /** How often it has waited for an open circuit. */
  readonly holds: number;
  /** From 0 to 1, the same at every replay. */
  readonly random: number;
}

/** What an attempt leaves in the journal. */
export type AttemptResult =
  | { readonly kind: 'again'; readonly held: boolean; readonly delayMs: number }
  | DeliveryEnd;

export type DeliveryEnd =
  | {
      readonly kind: 'done';
      readonly deliveryStatus: 'delivered' | 'not_configured';
      readonly attempts: number;
      readonly exports: boolean;
    }
  | {
      readonly kind: 'used_up';
      readonly code: Extract<ErrorCode, 'delivery_exhausted' | 'endpoint_disabled'>;
      readonly message: string;
      readonly webhookUrl: string;
      readonly exports: boolean;
    };

/** One attempt, with what it means: facts for the record, lines for the log, and how the delivery goes on. */
export async function attemptDelivery(
  ports: DeliveryPorts,
  input: DeliveryInput,
  place: AttemptPlace,
  context: StepContext,
): Promise<AttemptResult> {
  const endpoint = ports.endpointOf(input.webhookType);
  const attempt = new DeliveryAttempt(ports, input, place, context);
  if (endpoint === undefined) return attempt.notConfigured();
  const disabled = await ports.store.disabledEndpoint(endpoint.url);
  if (disabled !== undefined) return attempt.disabled(endpoint, disabled.disabledAt);
  const breaker = ports.breakers.of(endpoint.url);
  const permission = breaker.ask(attempt.now());
  if (!permission.allowed && place.holds < holdLimit) return attempt.held(endpoint, permission.retryInMs);
  const probe = permission.allowed && permission.probe;
  let outcome: SendOutcome | undefined;
  try {
    outcome = await attempt.send(endpoint);
  } finally {
    const before = breaker.state;
    breaker.report(healthOf(outcome), probe, attempt.now());
    if (breaker.state !== before) {
      ports.log.circuitChanged({ webhookUrl: endpoint.url, from: before, to: breaker.state });
    }
  }
  return outcome.kind === 'delivered'
    ? attempt.delivered(endpoint, outcome)
    : attempt.failed(endpoint, outcome);
}

/** The end of a delivery that was cancelled, or that an error of ours ended; returns whether its conversation is exported. */
export function giveUpDelivery(
  ports: DeliveryPorts,
  input: DeliveryInput,
  place: AttemptPlace,
  context: StepContext,
  error: unknown,
): boolean {
  new DeliveryAttempt(ports, input, place, context).givenUp(error);
  return ports.exportsConversations;
}

function healthOf(outcome: SendOutcome | undefined) {
  if (outcome === undefined) return 'unknown';
  return outcome.kind === 'delivered' ? 'healthy' : outcome.health;
}

/**
 * An open circuit is waited for without using up an attempt: 100 times, a few seconds first and then with pauses that grow
 * from a minute to 15, which is about a day and 200 operations; after that attempts are made in spite of it.
 */
export const holdLimit = 100;
const longestHoldMs = 15 * 60_000;

/** What is under way when a circuit opens often closes it again at once. */
const firstHoldMs = 5_000;

/** How long to wait for an open circuit: a moment first, then at least until it may close, longer each time. */
export function holdDelayMs(retryInMs: number, holds: number, random: number): number {
  if (holds === 0) return Math.min(retryInMs, jitter(firstHoldMs, random));
  const grown = Math.min(longestHoldMs, retryInMs * 1.5 ** Math.min(holds, 20));
  return retryInMs + jitter(Math.max(0, grown - retryInMs) + retryInMs / 5, random);
}

class DeliveryAttempt {
  readonly #ports: DeliveryPorts;
  readonly #input: DeliveryInput;
  readonly #place: AttemptPlace;
  readonly #context: StepContext;

  constructor(ports: DeliveryPorts, input: DeliveryInput, place: AttemptPlace, context: StepContext) {
    this.#ports = ports;
    this.#input = input;
    this.#place = place;
    this.#context = context;
  }

  now(): number {
    return (this.#ports.clock ?? Date.now)();
  }

  send(endpoint: Endpoint): Promise<SendOutcome> {
    const atMs = this.now();
    const attempt = { number: this.#place.attempt, atMs, url: endpoint.url };
    const body = JSON.stringify(envelope(this.#input, attempt));
    const signed = this.#ports.sign({ id: this.#input.deliveryId, atMs, body });
    const { authorization } = endpoint;
    const headers = {
      'content-type': 'application/json',
      'user-agent': 'Signalbox',
      ...(authorization !== undefined && { authorization }),
      ...(this.#ports.traceHeaders ?? traceHeaders)(this.#input, this.#context),
      ...signed,
    };
    return this.#ports.sender.send(
      { url: endpoint.url, trust: endpoint.trust, headers, body },
      this.#context.signal,
    );
  }

  notConfigured(): AttemptResult {
    this.#complete('not_configured', 0);
    return this.#done('not_configured', 0);
  }

  delivered(endpoint: Endpoint, outcome: Extract<SendOutcome, { kind: 'delivered' }>): AttemptResult {
    const { statusCode, durationMs } = outcome;
    this.#record('WEBHOOK_DELIVERY_SUCCESS', { ...this.#attemptData(endpoint, durationMs), statusCode });
    this.#complete('delivered', this.#place.attempt);
    return this.#done('delivered', this.#place.attempt);
  }

  held(endpoint: Endpoint, retryInMs: number): AttemptResult {
    const delayMs = holdDelayMs(retryInMs, this.#place.holds, this.#place.random);
    this.#ports.log.deliveryHeld({ ...this.#aboutLine(), webhookUrl: endpoint.url, delayMs });
    return { kind: 'again', held: true, delayMs };
  }

  disabled(endpoint: Endpoint, disabledAt: number): AttemptResult {
    const since = new Date(disabledAt).toISOString();
    const reason = `The endpoint is disabled since ${since}, because it answered 410 Gone.`;
    this.#recordFailure(endpoint, { statusCode: null, reason, durationMs: 0 }, undefined);
    return this.#usedUp(endpoint, 'endpoint_disabled', reason);
  }

  givenUp(error: unknown): void {
    const attempts = this.#place.attempt - 1;
    this.#complete('failed', attempts, messageOf(error));
    const code = error instanceof SignalboxError ? error.code : 'internal_error';
    const { deliveryId } = this.#input;
    const line = { ...this.#aboutLine(), deliveryId, webhookUrl: '', attempt: attempts };
    this.#ports.log.deliveryExhausted({ ...line, reason: messageOf(error), code });
  }

  async failed(
    endpoint: Endpoint,
    outcome: Extract<SendOutcome, { kind: 'failed' }>,
  ): Promise<AttemptResult> {
    if (outcome.gone) {
      await this.#disable(endpoint, outcome.reason);
      this.#recordFailure(endpoint, outcome, undefined);
      return this.#usedUp(endpoint, 'endpoint_disabled', outcome.reason);
    }
    const { attempt, random } = this.#place;
    const { retryAfterMs } = outcome;
    const delayMs = nextAttemptDelayMs(endpoint.schedule, { attempt, retryAfterMs, random });
    this.#recordFailure(endpoint, outcome, delayMs);
    if (delayMs === undefined) return this.#usedUp(endpoint, 'delivery_exhausted', outcome.reason);
    return { kind: 'again', held: false, delayMs };
  }

  async #disable(endpoint: Endpoint, reason: string): Promise<void> {
    const { url } = endpoint;
    await this.#ports.store.disableEndpoint({ url, disabledAt: this.now(), reason });
    this.#ports.log.endpointDisabled({ webhookUrl: url, reason });
  }

  #recordFailure(
    endpoint: Endpoint,
    outcome: { statusCode: number | null; reason: string; durationMs: number },
    delayMs: number | undefined,
  ): void {
    const { statusCode, reason } = outcome;
    const nextAttemptAt = delayMs === undefined ? null : new Date(this.now() + delayMs).toISOString();
    const attemptData = this.#attemptData(endpoint, outcome.durationMs);
    this.#record('WEBHOOK_DELIVERY_FAILED', { ...attemptData, statusCode, reason, nextAttemptAt });
    this.#ports.log.deliveryAttemptFailed({ ...this.#deliveryLine(endpoint), reason, nextAttemptAt });
  }

  #usedUp(
    endpoint: Endpoint,
    code: 'delivery_exhausted' | 'endpoint_disabled',
    reason: string,
  ): AttemptResult {
    const { attempt } = this.#place;
    this.#complete('failed', attempt);
    this.#ports.log.deliveryExhausted({ ...this.#deliveryLine(endpoint), reason, code });
    const advice =
      code === 'endpoint_disabled'
        ? 'Enable the endpoint again (signalbox endpoints enable URL), then start the dead letter anew.'
        : 'Start the dead letter anew once the receiver is well.';
    const message = `Not delivered after ${attempt} attempt${attempt === 1 ? '' : 's'}. ${reason.replace(/[.]?$/, '.')} ${advice}`;
    const exports = this.#ports.exportsConversations;
    return { kind: 'used_up', code, message, webhookUrl: safeUrl(endpoint.url), exports };
  }

  #done(deliveryStatus: 'delivered' | 'not_configured', attempts: number): AttemptResult {
    return { kind: 'done', deliveryStatus, attempts, exports: this.#ports.exportsConversations };
  }

  #complete(
    deliveryStatus: 'delivered' | 'not_configured' | 'failed',
    attempts: number,
    problem?: string,
  ): void {
    const { answered } = this.#about();
    const reached = deliveryStatus === 'failed' ? 'delivery_failed' : 'delivered';
    const totalTimeMs = Math.max(0, this.now() - Date.parse(this.#input.queuedAt));
    const end = {
      status: answered ? reached : 'failed',
      deliveryStatus,
      attempts,
      totalTimeMs,
      ...(problem !== undefined && answered && { problem }),
    } as const;
    this.#record('WEBHOOK_CONVERSATION_COMPLETED', { ...this.#about(), ...end });
  }

  #record<
    T extends 'WEBHOOK_DELIVERY_SUCCESS' | 'WEBHOOK_DELIVERY_FAILED' | 'WEBHOOK_CONVERSATION_COMPLETED',
  >(type: T, data: EventData[T]): void {
    this.#context.record(event(type, this.#input.trackingId, data));
  }

  #attemptData(endpoint: Endpoint, responseTimeMs: number): AboutDelivery & AttemptData {
    return {
      ...this.#about(),
      attempt: this.#place.attempt,
      webhookUrl: safeUrl(endpoint.url),
      responseTimeMs,
    };
  }

  #about(): AboutDelivery {
    const { conversationId, deliveryId, sourceSystem, sourceProcess, webhookType, answer } = this.#input;
    const answered = answer !== null;
    return { conversationId, deliveryId, sourceSystem, sourceProcess, webhookType, answered };
  }

  #aboutLine() {
    const { trackingId, conversationId, sourceSystem, webhookType } = this.#input;
    return { trackingId, conversationId, sourceSystem, webhookType };
  }

  #deliveryLine(endpoint: Endpoint) {
    const { deliveryId } = this.#input;
    return {
      ...this.#aboutLine(),
      deliveryId,
      webhookUrl: safeUrl(endpoint.url),
      attempt: this.#place.attempt,
    };
  }
}
