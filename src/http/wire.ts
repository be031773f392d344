import type { FlowVersion, Operation, Run } from '../engine/engine.ts';
import { snakeKeys, toolCallToWire } from '../record/wire.ts';
import type { Answer, Conversation, ConversationSummary, DeliveryAttempt } from '../store/store.ts';

/** What callers see of conversations and runs. Times are ISO-8601 here. */
export const time = (at: number | null | undefined): string | null =>
  at === null || at === undefined ? null : new Date(at).toISOString();

export function summaryToWire(summary: ConversationSummary): Record<string, unknown> {
  return {
    tracking_id: summary.trackingId,
    conversation_id: summary.conversationId,
    delivery_id: summary.deliveryId,
    status: summary.status,
    delivery_status: summary.deliveryStatus,
    complete: summary.complete,
    source_system: summary.sourceSystem,
    source_process: summary.sourceProcess,
    webhook_type: summary.webhookType,
    account: summary.account,
    query_start: summary.queryStart,
    received_at: time(summary.receivedAt),
    answered_at: time(summary.answeredAt),
    completed_at: time(summary.completedAt),
    next_attempt_at: time(summary.nextAttemptAt),
    answer_time_ms: summary.answerTimeMs,
    total_time_ms: summary.totalTimeMs,
    attempts: summary.attempts,
    problem: summary.problem,
    erased_at: time(summary.erasedAt),
  };
}

export function conversationToWire(conversation: Conversation): Record<string, unknown> {
  const { query_start: _, ...summary } = summaryToWire(conversation);
  return {
    ...summary,
    query: conversation.query,
    timestamp: conversation.timestamp,
    estimated_processing_time: conversation.estimatedProcessingTime,
    extra: conversation.extra,
    ai_response: answerToWire(conversation.answer),
    error: conversation.error,
    delivery_attempts: conversation.deliveries.map(attemptToWire),
  };
}

function answerToWire(answer: Answer | null): Record<string, unknown> | null {
  if (answer === null) return null;
  return {
    response: answer.response,
    response_plain: answer.responsePlain,
    session_id: answer.sessionId,
    timestamp: time(answer.answeredAt),
    agent: answer.agent,
    understood: answer.understood,
    agent_time_ms: answer.agentTimeMs,
    tool_calls: answer.toolCalls.map(toolCallToWire),
  };
}

function attemptToWire(attempt: DeliveryAttempt): Record<string, unknown> {
  return { ...snakeKeys({ ...attempt }), at: time(attempt.at), next_attempt_at: time(attempt.nextAttemptAt) };
}

export function runToWire(run: Run): Record<string, unknown> {
  return {
    run_id: run.runId,
    flow: run.flow,
    version: run.version,
    status: run.status,
    error: run.error ?? null,
    created_at: time(run.createdAt),
    ...(run.startAt !== undefined && { start_at: time(run.startAt) }),
    ended_at: time(run.endedAt),
    restart_of: run.restartOf ?? null,
    restarted_as: run.restartedAs ?? null,
    input: run.input,
  };
}

export function versionToWire(of: FlowVersion): Record<string, unknown> {
  return {
    flow: of.flow,
    version: of.version,
    registered: of.registered,
    unfinished: of.unfinished,
    statuses: of.statuses,
    paused_for: of.pausedFor,
    oldest_started_at: time(of.oldestStartedAt),
  };
}

export function operationToWire(operation: Operation): Record<string, unknown> {
  const { position, kind, name, status, attempts, result, error, childRunId } = operation;
  return {
    position,
    kind,
    name,
    status,
    attempts,
    started_at: time(operation.startedAt),
    ended_at: time(operation.endedAt),
    due_at: time(operation.dueAt),
    result: result ?? null,
    error: error ?? null,
    child_run_id: childRunId ?? null,
  };
}
