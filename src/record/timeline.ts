import type { Json, JsonObject } from '../core/json.ts';
import type { Operation } from '../engine/engine.ts';
import type { RecordedEvent } from './events.ts';
import { toolCallToWire, toWire } from './wire.ts';

/** What happened in a conversation, one thing after the other, each with its start and how long it took. */
export interface TimelineEntry {
  /** `question`, `agent_message`, `tool_call` and `delivery_attempt` are on the record; `step`, `wait` and `run` are of the runs that did it. */
  readonly kind:
    | 'question'
    | 'agent_message'
    | 'tool_call'
    | 'delivery_attempt'
    | 'event'
    | 'step'
    | 'wait'
    | 'run';
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** Whether the start is reckoned from the order: of some tool calls it is known only how long they took, and which came first. */
  readonly startIsEstimated: boolean;
  /** Null while it goes on; 0 for what has no length. */
  readonly durationMs: number | null;
  readonly outcome: 'done' | 'failed' | 'going on';
  readonly detail: JsonObject;
}

/** The operations of one run, as far as they are kept. */
export interface RunHistory {
  readonly runId: string;
  readonly flow: string;
  readonly operations: readonly Operation[];
  /** Whether a step took longer than others of its kind, where that is known. */
  readonly paceOf?: (
    operation: Operation,
  ) => { readonly p99Ms: number; readonly isSlow: boolean } | undefined;
}

/** By their start; what begins together in the order of the record. */
export function timelineOf(
  events: readonly RecordedEvent[],
  runs: readonly RunHistory[],
): readonly TimelineEntry[] {
  const entries = [...events.flatMap(entriesOfEvent), ...runs.flatMap(entriesOfRun)];
  return entries.toSorted((one, other) => one.startedAt - other.startedAt);
}

function entriesOfEvent(event: RecordedEvent): TimelineEntry[] {
  switch (event.type) {
    case 'WEBHOOK_REQUEST_RECEIVED': {
      const { query, sourceSystem, sourceProcess } = event.data;
      const detail = { content: query, source_system: sourceSystem, source_process: sourceProcess };
      return [recorded('question', event, { name: sourceSystem, detail })];
    }
    case 'WEBHOOK_MANAGER_AGENT_RESPONSE':
      return entriesOfAnswer(event);
    case 'WEBHOOK_DELIVERY_SUCCESS':
    case 'WEBHOOK_DELIVERY_FAILED':
      return [attemptEntry(event)];
    default: {
      const { event_type: _, tracking_id, timestamp, ...detail } = toWire(event);
      return [recorded('event', event, { name: event.type, detail })];
    }
  }
}

type EventOf<T extends RecordedEvent['type']> = Extract<RecordedEvent, { readonly type: T }>;

function entriesOfAnswer(event: EventOf<'WEBHOOK_MANAGER_AGENT_RESPONSE'>): TimelineEntry[] {
  const { agent, agentTimeMs, toolCalls, response, error, attempts, understood } = event.data;
  const detail = { content: response, error: error && { ...error }, attempts, understood };
  const answer = recorded('agent_message', event, {
    name: agent,
    detail,
    durationMs: agentTimeMs,
    failed: error !== null,
  });
  let after = answer.startedAt;
  const calls = toolCalls.map((call): TimelineEntry => {
    const { tool: name, startedAt = after, durationMs } = call;
    after = startedAt + durationMs;
    const entry = recorded('tool_call', event, { name, detail: toolCallToWire(call) });
    return { ...entry, startedAt, startIsEstimated: call.startedAt === undefined, durationMs };
  });
  return [answer, ...calls];
}

function attemptEntry(event: EventOf<'WEBHOOK_DELIVERY_SUCCESS' | 'WEBHOOK_DELIVERY_FAILED'>): TimelineEntry {
  const { attempt, webhookUrl, statusCode, responseTimeMs } = event.data;
  const failed = event.type === 'WEBHOOK_DELIVERY_FAILED';
  const reason = failed ? event.data.reason : null;
  const detail = { attempt, webhook_url: webhookUrl, status_code: statusCode, reason };
  const name = `attempt ${attempt}`;
  return recorded('delivery_attempt', event, { name, detail, durationMs: responseTimeMs, failed });
}

interface Recorded {
  readonly name: string;
  readonly detail: JsonObject;
  readonly durationMs?: number;
  readonly failed?: boolean;
}

/** The time of an event is that of its end. */
function recorded(kind: TimelineEntry['kind'], { at }: RecordedEvent, of: Recorded): TimelineEntry {
  const { name, detail, durationMs = 0, failed = false } = of;
  const outcome = failed ? 'failed' : 'done';
  return { kind, name, startedAt: at - durationMs, startIsEstimated: false, durationMs, outcome, detail };
}

const kinds = { run: 'step', sleep: 'wait', signal: 'wait', call: 'run', start: 'run' } as const;

function entriesOfRun({ runId, flow, operations, paceOf }: RunHistory): TimelineEntry[] {
  return operations.map((operation) => {
    const pace = paceOf?.(operation);
    const { kind, name, startedAt, endedAt, attempts, dueAt, error, childRunId } = operation;
    const outcome = endedAt === undefined ? 'going on' : operation.status === 'failed' ? 'failed' : 'done';
    const detail: Record<string, Json> = {
      ...{ run_id: runId, flow },
      ...(kind === 'run' && { attempts }),
      ...(endedAt === undefined && dueAt !== undefined && { due_at: new Date(dueAt).toISOString() }),
      ...(childRunId !== undefined && { child_run_id: childRunId }),
      ...(pace && { p99_ms: pace.p99Ms, slow: pace.isSlow }),
      ...(error !== undefined && { error: { code: error.code, message: error.message } }),
    };
    const durationMs = endedAt === undefined ? null : endedAt - startedAt;
    return { kind: kinds[kind], name, startedAt, startIsEstimated: false, durationMs, outcome, detail };
  });
}
