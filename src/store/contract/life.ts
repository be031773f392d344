import { uuidv7 } from '../../core/ids.ts';
import type { JsonObject } from '../../core/json.ts';
import type { Fact, StampedFact } from '../../engine/engine.ts';
import { type AboutConversation, event } from '../../record/events.ts';

const about: AboutConversation = {
  conversationId: 'webhook_20260814_091833_testing_phase3valid_abc123',
  deliveryId: 'delivery-1',
  sourceSystem: 'testing_system',
  sourceProcess: 'phase3_validation',
  webhookType: 'deal_analysis',
};

export interface LifeOptions extends Partial<Omit<AboutConversation, 'deliveryId'>> {
  readonly query?: string;
  readonly answer?: string;
  readonly answerTimeMs?: number;
  readonly totalTimeMs?: number;
  readonly deliveryStatus?: 'delivered' | 'failed' | 'not_configured';
  readonly extra?: JsonObject;
  /** The time of the first event. */
  readonly at?: number;
}

/** The facts of a conversation whose first delivery attempt fails. */
export function aLife(options: LifeOptions = {}) {
  const trackingId = uuidv7();
  const factsOf = (id: string) => lifeFacts(id, { ...about, ...options }, options);
  const facts = factsOf(trackingId).map((fact, index) => stamp(fact, trackingId, index, options.at));
  return { trackingId, facts, factsOf };
}

/** A fact that is no event of the map. */
export const note = (trackingId: string, id: string): StampedFact => ({
  ...{ id, at: 1_786_699_000_000, type: 'NOTE', subject: trackingId, data: {} },
});

export function stamp(fact: Fact, run: string, position: number, from = 1_786_699_000_000): StampedFact {
  return { ...fact, id: `${run}/${position}/1/0`, at: from + position };
}

function lifeFacts(trackingId: string, conversation: AboutConversation, options: LifeOptions): Fact[] {
  const { answerTimeMs = 4, extra = { ticket: 7 }, deliveryStatus = 'delivered', totalTimeMs = 30 } = options;
  const delivery = { ...conversation, answered: true };
  const { webhookType, sourceSystem, sourceProcess, conversationId, deliveryId } = conversation;
  const base = { webhookType, sourceSystem, sourceProcess, conversationId, deliveryId };
  const attempt = { ...delivery, webhookUrl: 'http://127.0.0.1/hook', responseTimeMs: 3 };
  return [
    event('WEBHOOK_REQUEST_RECEIVED', trackingId, {
      ...base,
      query: options.query ?? 'What is the deal status for IXIS?',
      timestamp: '2026-08-14T09:18:33Z',
      queuedAt: '2026-08-14T09:18:33.360Z',
      estimatedProcessingTime: '30-60 seconds',
      extra,
      requestSizeBytes: 120,
    }),
    event('WEBHOOK_MANAGER_AGENT_INVOKED', trackingId, { ...base, agent: 'analyst', sessionId: 's' }),
    event('WEBHOOK_MANAGER_AGENT_RESPONSE', trackingId, {
      ...base,
      agent: 'analyst',
      sessionId: 's',
      response: options.answer ?? '**Won**',
      responsePlain: options.answer ?? 'Won',
      understood: true,
      toolCalls: [],
      error: null,
      attempts: 1,
      agentTimeMs: 3,
      executionTimeSeconds: 0.003,
      answerTimeMs,
      responseSizeBytes: 7,
    }),
    event('WEBHOOK_RESPONSE_CLASSIFIED', trackingId, { ...base, guessedType: 'general' }),
    event('WEBHOOK_OUTBOUND_QUEUED', trackingId, delivery),
    event('WEBHOOK_DELIVERY_FAILED', trackingId, {
      ...attempt,
      attempt: 1,
      statusCode: 500,
      reason: 'The receiver answered 500',
      nextAttemptAt: '2026-08-14T09:18:36.000Z',
    }),
    event('WEBHOOK_DELIVERY_SUCCESS', trackingId, { ...attempt, attempt: 2, statusCode: 200 }),
    event('WEBHOOK_CONVERSATION_COMPLETED', trackingId, {
      ...delivery,
      status: deliveryStatus === 'failed' ? 'delivery_failed' : 'delivered',
      deliveryStatus,
      attempts: 2,
      totalTimeMs,
    }),
  ];
}

/** Each kind of event of either of two deliveries, of an answer or of a failure. */
export const choiceCount = 32;

export function anything(trackingId: string, choice: number): Fact {
  const deliveryId = choice & 1 ? 'delivery-1' : 'delivery-2';
  const answered = (choice & 2) === 0;
  const fact = lifeFacts(trackingId, { ...about, deliveryId }, {})[choice >> 2]!;
  const data = { ...fact.data, ...('answered' in fact.data && { answered }) };
  if (answered) return { ...fact, data };
  if (fact.type === 'WEBHOOK_MANAGER_AGENT_RESPONSE') {
    const error = { code: 'agent_failed', message: 'no', recoverable: true };
    return { ...fact, data: { ...data, response: null, error } };
  }
  return fact.type === 'WEBHOOK_CONVERSATION_COMPLETED'
    ? { ...fact, data: { ...data, status: 'delivery_failed', deliveryStatus: 'failed' } }
    : { ...fact, data };
}
