import type { Answer, Conversation, ConversationSummary, DeliveryAttempt } from './conversation.ts';
import type { EventType, Failure, RecordedEvent, RecordedEventOf } from './events.ts';

/** The whole conversation, from its state and its events in their order. */
export function assemble(summary: ConversationSummary, events: readonly RecordedEvent[]): Conversation {
  const received = latest(events, 'WEBHOOK_REQUEST_RECEIVED')?.data;
  const response = latest(events, 'WEBHOOK_MANAGER_AGENT_RESPONSE');
  return {
    ...summary,
    query: received?.query ?? summary.queryStart,
    timestamp: received?.timestamp ?? '',
    estimatedProcessingTime: received?.estimatedProcessingTime ?? '',
    extra: received?.extra ?? {},
    answer: answerOf(response),
    error: failureOf(response),
    deliveries: events.flatMap((event) => attemptOf(event) ?? []),
  };
}

function latest<T extends EventType>(
  events: readonly RecordedEvent[],
  type: T,
): RecordedEventOf<T> | undefined {
  return events.findLast((event) => event.type === type) as RecordedEventOf<T> | undefined;
}

function answerOf(event: RecordedEventOf<'WEBHOOK_MANAGER_AGENT_RESPONSE'> | undefined): Answer | null {
  if (event === undefined || event.data.response === null) return null;
  const { response, responsePlain, sessionId, agent, understood, toolCalls, agentTimeMs } = event.data;
  return {
    response,
    responsePlain: responsePlain ?? response,
    sessionId,
    answeredAt: event.at,
    agent,
    understood,
    toolCalls,
    agentTimeMs,
  };
}

function failureOf(event: RecordedEventOf<'WEBHOOK_MANAGER_AGENT_RESPONSE'> | undefined): Failure | null {
  return event?.data.error ?? null;
}

function attemptOf(event: RecordedEvent): DeliveryAttempt | undefined {
  if (event.type === 'WEBHOOK_DELIVERY_SUCCESS') {
    const { attempt, deliveryId, webhookUrl, statusCode, responseTimeMs } = event.data;
    const outcome = { delivered: true, statusCode, reason: null, nextAttemptAt: null };
    return { attempt, at: event.at, deliveryId, webhookUrl, responseTimeMs, ...outcome };
  }
  if (event.type !== 'WEBHOOK_DELIVERY_FAILED') return undefined;
  const { attempt, deliveryId, webhookUrl, statusCode, responseTimeMs, reason, nextAttemptAt } = event.data;
  const next = nextAttemptAt === null ? null : Date.parse(nextAttemptAt);
  return {
    attempt,
    at: event.at,
    deliveryId,
    webhookUrl,
    delivered: false,
    statusCode,
    responseTimeMs,
    reason,
    nextAttemptAt: next,
  };
}
