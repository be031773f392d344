import type { Json, JsonObject } from '../core/json.ts';
import type { Conversation, DeliveryAttempt } from './conversation.ts';
import type { RecordedEvent } from './events.ts';
import { toolCallToWire, toWire } from './wire.ts';

export interface ExportFile {
  readonly name: 'conversation.json' | 'metadata.json' | 'summary.json' | 'analysis.json';
  readonly body: string;
}

/** `conversation-history/<YYYY>/<MM>/<DD>/<conversation_id>`, by the day of the request in UTC. */
export function exportPrefix(conversation: Pick<Conversation, 'receivedAt' | 'conversationId'>): string {
  const [year, month, day] = isoTime(conversation.receivedAt).slice(0, 10).split('-');
  return `conversation-history/${year}/${month}/${day}/${conversation.conversationId}`;
}

/** The four forms of a conversation, from its state and its events. */
export function exportFiles(
  conversation: Conversation,
  events: readonly RecordedEvent[],
  exportedAtMs: number,
): ExportFile[] {
  const exportMetadata = {
    format: 'webhook_structured_json',
    version: '1.0',
    channel: 'webhook',
    exported_at: isoTime(exportedAtMs),
  };
  const whole = { export_metadata: exportMetadata, conversation: wholeOf(conversation, events) };
  const metadata = { export_metadata: exportMetadata, ...metadataOf(conversation, events) };
  return [
    { name: 'conversation.json', body: `${JSON.stringify(whole, null, 2)}\n` },
    { name: 'metadata.json', body: `${JSON.stringify(metadata, null, 2)}\n` },
    { name: 'summary.json', body: `${JSON.stringify(summaryOf(conversation))}\n` },
    { name: 'analysis.json', body: `${JSON.stringify(analysisOf(conversation, events), null, 2)}\n` },
  ];
}

function wholeOf(conversation: Conversation, events: readonly RecordedEvent[]): JsonObject {
  return {
    metadata: identityOf(conversation),
    webhook_context: {
      source_system: conversation.sourceSystem,
      source_process: conversation.sourceProcess,
      source_timestamp: conversation.timestamp,
      webhook_type: conversation.webhookType,
      delivery_id: conversation.deliveryId,
      delivery_status: conversation.deliveryStatus,
      delivery_attempts: conversation.deliveries.map(attemptToWire),
      extra: conversation.extra,
    },
    conversation: {
      turns: turnsOf(conversation),
      tool_calls: conversation.answer?.toolCalls.map(toolCallToWire) ?? [],
      agent_messages: agentMessagesOf(conversation),
      error: conversation.error && { ...conversation.error },
    },
    execution: executionOf(conversation, events),
  };
}

function identityOf(conversation: Conversation): JsonObject {
  return {
    conversation_id: conversation.conversationId,
    tracking_id: conversation.trackingId,
    session_id: conversation.answer?.sessionId ?? null,
    status: conversation.status,
    received_at: isoTime(conversation.receivedAt),
    answered_at: isoOrNull(conversation.answeredAt),
    completed_at: isoOrNull(conversation.completedAt),
  };
}

function turnsOf(conversation: Conversation): Json[] {
  const { answer } = conversation;
  const question = {
    role: 'user',
    content: conversation.query,
    timestamp: isoTime(conversation.receivedAt),
  };
  if (answer === null) return [question];
  const reply = { role: 'assistant', content: answer.response, content_plain: answer.responsePlain };
  return [question, { ...reply, timestamp: isoTime(answer.answeredAt) }];
}

function agentMessagesOf({ answer }: Conversation): Json[] {
  if (answer === null) return [];
  return [{ agent: answer.agent, content: answer.response, timestamp: isoTime(answer.answeredAt) }];
}

/** Tokens and cost are those of models; an agent without one has none. */
function executionOf(conversation: Conversation, events: readonly RecordedEvent[]): JsonObject {
  return {
    steps: events.map(stepOf),
    timings: timingsOf(conversation),
    tokens: { input: 0, output: 0 },
    cost: { amount: 0, currency: 'USD' },
  };
}

function stepOf(event: RecordedEvent): JsonObject {
  const { event_type, timestamp, sequence } = toWire(event);
  return { event_type, timestamp, sequence };
}

function timingsOf(conversation: Conversation): JsonObject {
  return {
    agent_time_ms: conversation.answer?.agentTimeMs ?? null,
    answer_time_ms: conversation.answerTimeMs,
    total_time_ms: conversation.totalTimeMs,
  };
}

/** No content: nothing of the question, of the answer or of what tools were given. */
function metadataOf(conversation: Conversation, events: readonly RecordedEvent[]): JsonObject {
  return {
    ...identityOf(conversation),
    source_system: conversation.sourceSystem,
    source_process: conversation.sourceProcess,
    webhook_type: conversation.webhookType,
    delivery_id: conversation.deliveryId,
    delivery_status: conversation.deliveryStatus,
    delivery_attempts: conversation.attempts,
    query_length: conversation.query.length,
    response_length: conversation.answer?.response.length ?? 0,
    tools_used: [...new Set(conversation.answer?.toolCalls.map((call) => call.tool) ?? [])],
    tool_call_count: conversation.answer?.toolCalls.length ?? 0,
    event_count: events.length,
    error_code: conversation.error?.code ?? null,
    ...timingsOf(conversation),
  };
}

function summaryOf(conversation: Conversation): JsonObject {
  return {
    conversation_id: conversation.conversationId,
    tracking_id: conversation.trackingId,
    received_at: isoTime(conversation.receivedAt),
    source_system: conversation.sourceSystem,
    webhook_type: conversation.webhookType,
    status: conversation.status,
    delivery_status: conversation.deliveryStatus,
    delivery_attempts: conversation.attempts,
    total_time_ms: conversation.totalTimeMs,
  };
}

/** Flat and typed: numbers are numbers, absent ones null, no nesting. */
function analysisOf(conversation: Conversation, events: readonly RecordedEvent[]): JsonObject {
  const { answer } = conversation;
  return {
    ...summaryOf(conversation),
    source_process: conversation.sourceProcess,
    session_id: answer?.sessionId ?? null,
    agent: answer?.agent ?? null,
    query: conversation.query,
    response_plain: answer?.responsePlain ?? null,
    understood: answer?.understood ?? null,
    query_length: conversation.query.length,
    response_length: answer?.response.length ?? 0,
    tool_call_count: answer?.toolCalls.length ?? 0,
    event_count: events.length,
    answered_at: isoOrNull(conversation.answeredAt),
    completed_at: isoOrNull(conversation.completedAt),
    ...timingsOf(conversation),
    error_code: conversation.error?.code ?? null,
    problem: conversation.problem,
  };
}

/** A delivery attempt on the wire. */
export function attemptToWire(attempt: DeliveryAttempt): JsonObject {
  return {
    attempt: attempt.attempt,
    attempted_at: isoTime(attempt.at),
    delivery_id: attempt.deliveryId,
    webhook_url: attempt.webhookUrl,
    delivered: attempt.delivered,
    status_code: attempt.statusCode,
    response_time_ms: attempt.responseTimeMs,
    reason: attempt.reason,
    next_attempt_at: isoOrNull(attempt.nextAttemptAt),
  };
}

function isoTime(atMs: number): string {
  return new Date(atMs).toISOString();
}

function isoOrNull(atMs: number | null): string | null {
  return atMs === null ? null : isoTime(atMs);
}
