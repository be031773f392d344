import type { Conversation, DeliveryAttempt } from '../conversation.ts';
import type { RecordedEvent } from '../events.ts';
import { type ExportForm, type ExportOf, exportForms, exportVersion } from './schemas.ts';

export interface ExportFile {
  readonly name: `${ExportForm}.json`;
  readonly body: string;
}

/** Events that are read of a conversation: far more than one has that was replayed every day for years. */
export const exportedEvents = 10_000;

/** `conversation-history/<YYYY>/<MM>/<DD>/<conversation_id>`, by the day of the request in UTC. */
export function exportPrefix(conversation: Pick<Conversation, 'receivedAt' | 'conversationId'>): string {
  const [year, month, day] = isoTime(conversation.receivedAt).slice(0, 10).split('-');
  return `conversation-history/${year}/${month}/${day}/${conversation.conversationId}`;
}

/** The four files of a conversation. The same conversation and events give the same bytes, whenever and wherever. */
export function exportFiles(conversation: Conversation, events: readonly RecordedEvent[]): ExportFile[] {
  return exportForms.map((form) => exportFile(form, conversation, events));
}

/** What was done with the record afterwards is no part of what happened. */
const apart: ReadonlySet<string> = new Set(['WEBHOOK_CONVERSATION_EXPORTED', 'WEBHOOK_CONVERSATION_ERASED']);

export function exportFile(
  form: ExportForm,
  conversation: Conversation,
  events: readonly RecordedEvent[],
): ExportFile {
  const told = events.filter(({ type }) => !apart.has(type));
  const value = builders[form](conversation, told);
  const body = form === 'summary' ? JSON.stringify(value) : JSON.stringify(value, null, 2);
  return { name: `${form}.json`, body: `${body}\n` };
}

const builders: {
  readonly [F in ExportForm]: (conversation: Conversation, events: readonly RecordedEvent[]) => ExportOf<F>;
} = {
  conversation: (conversation, events) => ({
    export_metadata: exportMetadataOf(conversation, events),
    conversation: wholeOf(conversation, events),
  }),
  metadata: (conversation, events) => ({
    export_metadata: exportMetadataOf(conversation, events),
    ...metadataOf(conversation, events),
  }),
  summary: summaryOf,
  analysis: analysisOf,
};

function exportMetadataOf(
  { receivedAt }: Conversation,
  events: readonly RecordedEvent[],
): ExportOf<'metadata'>['export_metadata'] {
  const asOf = events.reduce((latest, { at }) => Math.max(latest, at), receivedAt);
  return {
    format: 'webhook_structured_json',
    version: exportVersion,
    channel: 'webhook',
    as_of: isoTime(asOf),
  };
}

type Whole = ExportOf<'conversation'>['conversation'];

function wholeOf(conversation: Conversation, events: readonly RecordedEvent[]): Whole {
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
      tool_calls: toolCallsOf(conversation),
      agent_messages: agentMessagesOf(conversation),
      error: conversation.error && { ...conversation.error },
    },
    execution: executionOf(conversation, events),
  };
}

function identityOf(conversation: Conversation): Whole['metadata'] {
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

function turnsOf(conversation: Conversation): Whole['conversation']['turns'] {
  const { answer } = conversation;
  const question = {
    role: 'user' as const,
    content: conversation.query,
    timestamp: isoTime(conversation.receivedAt),
  };
  if (answer === null) return [question];
  const reply = { role: 'assistant' as const, content: answer.response, content_plain: answer.responsePlain };
  return [question, { ...reply, timestamp: isoTime(answer.answeredAt) }];
}

function toolCallsOf({ answer }: Conversation): Whole['conversation']['tool_calls'] {
  const toolCalls = answer?.toolCalls ?? [];
  return toolCalls.map(({ tool, input, output, startedAt, durationMs }) => ({
    ...{ tool, input, output },
    ...(startedAt !== undefined && { started_at: isoTime(startedAt) }),
    duration_ms: durationMs,
  }));
}

function agentMessagesOf({ answer }: Conversation): Whole['conversation']['agent_messages'] {
  if (answer === null) return [];
  return [{ agent: answer.agent, content: answer.response, timestamp: isoTime(answer.answeredAt) }];
}

/** Tokens and cost are those of models; an agent without one has none. */
function executionOf(conversation: Conversation, events: readonly RecordedEvent[]): Whole['execution'] {
  return {
    steps: events.map(({ type, at }) => ({ event_type: type, timestamp: isoTime(at) })),
    timings: timingsOf(conversation),
    tokens: { input: 0, output: 0 },
    cost: { amount: 0, currency: 'USD' },
  };
}

function timingsOf(conversation: Conversation): Whole['execution']['timings'] {
  return {
    agent_time_ms: conversation.answer?.agentTimeMs ?? null,
    answer_time_ms: conversation.answerTimeMs,
    total_time_ms: conversation.totalTimeMs,
  };
}

/** No content: nothing of the question, of the answer or of what tools were given. */
function metadataOf(
  conversation: Conversation,
  events: readonly RecordedEvent[],
): Omit<ExportOf<'metadata'>, 'export_metadata'> {
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

function summaryOf(conversation: Conversation): ExportOf<'summary'> {
  return {
    export_version: exportVersion,
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
function analysisOf(conversation: Conversation, events: readonly RecordedEvent[]): ExportOf<'analysis'> {
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

function attemptToWire(attempt: DeliveryAttempt): Whole['webhook_context']['delivery_attempts'][number] {
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
