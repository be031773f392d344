import type { JsonObject } from '../core/json.ts';
import {
  type ConversationEvent,
  type ConversationStatus,
  type DeliveryStatus,
  type EventType,
  type Failure,
  isConversationEvent,
  type RecordedEvent,
  type RecordedEventOf,
  type RecordedToolCall,
  type WebhookType,
} from './events.ts';

export interface ConversationSummary {
  readonly trackingId: string;
  readonly conversationId: string;
  /** The `webhook-id` of the delivery; a query that was started anew after it failed has a new one. */
  readonly deliveryId: string;
  readonly status: ConversationStatus;
  readonly deliveryStatus: DeliveryStatus;
  /** Nothing more will happen by itself (an export aside). */
  readonly complete: boolean;
  readonly sourceSystem: string;
  readonly sourceProcess: string;
  readonly webhookType: WebhookType;
  /** Whose affairs it is about, where the request says so (`accountOf`). */
  readonly account: string | null;
  /** The beginning of the question: at most 200 characters. */
  readonly queryStart: string;
  /** Times are milliseconds since the epoch. */
  readonly receivedAt: number;
  readonly answeredAt: number | null;
  readonly completedAt: number | null;
  /** When a failed delivery is tried again. */
  readonly nextAttemptAt: number | null;
  /** From request to answer. */
  readonly answerTimeMs: number | null;
  /** From request to completion. */
  readonly totalTimeMs: number | null;
  /** Delivery attempts so far. */
  readonly attempts: number;
  /** Why it failed, or why its latest delivery attempt did. */
  readonly problem: string | null;
  /** Where the export is, once there is one. */
  readonly exportPrefix: string | null;
  /** Since when its content is gone, if it is. */
  readonly erasedAt: number | null;
}

export interface Conversation extends ConversationSummary {
  readonly query: string;
  /** The sender's own time, ISO-8601. */
  readonly timestamp: string;
  readonly estimatedProcessingTime: string;
  readonly extra: JsonObject;
  readonly answer: Answer | null;
  /** Why there is no answer. */
  readonly error: Failure | null;
  readonly deliveries: readonly DeliveryAttempt[];
}

export interface Answer {
  /** Markdown. */
  readonly response: string;
  readonly responsePlain: string;
  readonly sessionId: string;
  readonly answeredAt: number;
  readonly agent: string;
  readonly understood: boolean;
  readonly toolCalls: readonly RecordedToolCall[];
  readonly agentTimeMs: number;
}

export interface DeliveryAttempt {
  readonly attempt: number;
  readonly at: number;
  readonly deliveryId: string;
  readonly webhookUrl: string;
  readonly delivered: boolean;
  readonly statusCode: number | null;
  readonly responseTimeMs: number;
  readonly reason: string | null;
  readonly nextAttemptAt: number | null;
}

/**
 * The projection of events onto the state of a conversation. What an event changes follows from the event alone, so that a
 * store applies it with one UPDATE; whether it applies follows from two columns:
 *
 * queued → processing → (awaiting_approval) → delivering → delivered | delivery_failed
 *                     ↘ failed (the agent gave up; the account of it is still being delivered until `complete`)
 *
 * - `delivered` is never left: a replay of an older delivery changes nothing any more.
 * - Events of another delivery than the current one change nothing: a query that was started anew has a new delivery,
 *   and what still happens to the old one is only history.
 * - A delivery or a query that is started anew by an operator leads a conversation out of `delivery_failed` or `failed`.
 */
export type ConversationChange = Partial<Omit<ConversationSummary, 'trackingId' | 'conversationId'>>;

/** Which state a change needs: any; one that is not `delivered`; that, and the event's delivery being the current one. */
export type Guard = 'always' | 'undelivered' | 'same_delivery';

const always: ReadonlySet<EventType> = new Set([
  'WEBHOOK_CONVERSATION_EXPORTED',
  'WEBHOOK_CONVERSATION_ERASED',
]);

export function guardOf(type: EventType): Guard {
  if (always.has(type)) return 'always';
  return type === 'WEBHOOK_MANAGER_AGENT_INVOKED' ? 'undelivered' : 'same_delivery';
}

/** The conversation after an event; undefined while no request has been received. */
export function project(
  conversation: ConversationSummary | undefined,
  event: RecordedEvent,
): ConversationSummary | undefined {
  if (!isConversationEvent(event)) return conversation;
  if (event.type === 'WEBHOOK_REQUEST_RECEIVED') return conversation ?? begin(event);
  if (conversation === undefined || !applies(conversation, event)) return conversation;
  return { ...conversation, ...changeOf(event) };
}

function applies(conversation: ConversationSummary, event: ConversationEvent): boolean {
  const guard = guardOf(event.type);
  if (guard === 'always') return true;
  if (conversation.status === 'delivered') return false;
  return guard === 'undelivered' || conversation.deliveryId === event.data.deliveryId;
}

/** The conversation that a request begins. */
export function begin(event: RecordedEventOf<'WEBHOOK_REQUEST_RECEIVED'>): ConversationSummary {
  const { conversationId, deliveryId, sourceSystem, sourceProcess, webhookType, query, extra } = event.data;
  return {
    trackingId: event.trackingId,
    conversationId,
    deliveryId,
    status: 'queued',
    deliveryStatus: 'none',
    complete: false,
    sourceSystem,
    sourceProcess,
    webhookType,
    account: accountOf(extra),
    queryStart: startOf(query),
    receivedAt: event.at,
    answeredAt: null,
    completedAt: null,
    nextAttemptAt: null,
    answerTimeMs: null,
    totalTimeMs: null,
    attempts: 0,
    problem: null,
    exportPrefix: null,
    erasedAt: null,
  };
}

const accountFields = ['account_id', 'account'] as const;

/** The account that a request names: a text of 1 to 128 characters, or a whole number, in `account_id` or else in `account`. */
function accountOf(extra: JsonObject | undefined): string | null {
  for (const field of accountFields) {
    const value = extra?.[field];
    const text = Number.isSafeInteger(value) ? String(value) : value;
    if (typeof text === 'string' && text.length <= 128 && text.trim() !== '') return text.trim();
  }
  return null;
}

/** The first 200 characters, never half of one. */
function startOf(query: string): string {
  return query.length <= 200 ? query : query.slice(0, 200).replace(/[\uD800-\uDBFF]$/, '');
}

/** What an event that applies changes; one that is not named here is told, and changes nothing. */
export function changeOf(event: ConversationEvent): ConversationChange {
  switch (event.type) {
    case 'WEBHOOK_MANAGER_AGENT_INVOKED':
      return invoked(event);
    case 'WEBHOOK_MANAGER_AGENT_RESPONSE':
      return event.data.error === null
        ? { answeredAt: event.at, answerTimeMs: event.data.answerTimeMs }
        : { status: 'failed', problem: event.data.error.message };
    case 'WEBHOOK_RESPONSE_CLASSIFIED':
      return { webhookType: event.data.webhookType };
    case 'WEBHOOK_OUTBOUND_QUEUED':
      return { deliveryStatus: 'pending', ...(event.data.answered && { status: 'delivering' }) };
    case 'WEBHOOK_DELIVERY_SUCCESS':
      return {
        deliveryStatus: 'delivered',
        attempts: event.data.attempt,
        nextAttemptAt: null,
        ...(event.data.answered && { problem: null }),
      };
    case 'WEBHOOK_DELIVERY_FAILED':
      return deliveryFailed(event);
    case 'WEBHOOK_CONVERSATION_COMPLETED':
      return completed(event);
    case 'WEBHOOK_CONVERSATION_EXPORTED':
      return { exportPrefix: event.data.prefix };
    case 'WEBHOOK_CONVERSATION_ERASED':
      return { queryStart: '', account: null, problem: null, exportPrefix: null, erasedAt: event.at };
    default:
      return {};
  }
}

function invoked(event: RecordedEventOf<'WEBHOOK_MANAGER_AGENT_INVOKED'>): ConversationChange {
  return {
    deliveryId: event.data.deliveryId,
    status: 'processing',
    deliveryStatus: 'none',
    complete: false,
    completedAt: null,
    totalTimeMs: null,
    attempts: 0,
    problem: null,
  };
}

function deliveryFailed(event: RecordedEventOf<'WEBHOOK_DELIVERY_FAILED'>): ConversationChange {
  const { answered, attempt, reason, nextAttemptAt } = event.data;
  return {
    deliveryStatus: 'retrying',
    complete: false,
    completedAt: null,
    totalTimeMs: null,
    attempts: attempt,
    nextAttemptAt: nextAttemptAt === null ? null : Date.parse(nextAttemptAt),
    ...(answered && { status: 'delivering', problem: reason }),
  };
}

function completed(event: RecordedEventOf<'WEBHOOK_CONVERSATION_COMPLETED'>): ConversationChange {
  const { status, deliveryStatus, attempts, totalTimeMs, problem } = event.data;
  return {
    status,
    deliveryStatus,
    complete: true,
    completedAt: event.at,
    nextAttemptAt: null,
    totalTimeMs,
    attempts,
    ...(problem !== undefined && { problem }),
  };
}
