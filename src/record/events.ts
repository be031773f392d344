import type { Json, JsonObject } from '../core/json.ts';
import type { Fact, StampedFact } from '../engine/engine.ts';
import { type SystemEventData, systemEventTypes } from './system-events.ts';

/**
 * Everything that the record knows, in the order of a life. An event is self-contained: it names its conversation, so that
 * a log line or a row alone can be searched, and what it changes about the conversation follows from the event alone
 * (`conversation.ts`). The subject of its fact is the tracking id. On the wire it has snake_case names (`wire.ts`).
 * What is of no conversation is in `system-events.ts`.
 */
export interface EventData extends SystemEventData {
  /** Kept with the start of the query's run; from here on the request survives a crash. */
  readonly WEBHOOK_REQUEST_RECEIVED: AboutConversation & {
    readonly query: string;
    /** The sender's own time, ISO-8601. */
    readonly timestamp: string;
    /** ISO-8601. */
    readonly queuedAt: string;
    readonly estimatedProcessingTime: string;
    /** Fields of the request that the contract does not name. */
    readonly extra: JsonObject;
    /** The size of the body. */
    readonly requestSizeBytes: number;
  };
  readonly WEBHOOK_MANAGER_AGENT_INVOKED: AboutConversation & {
    readonly agent: string;
    readonly sessionId: string;
  };
  /** The agent has answered, or has failed for good: then `response` is null and `error` says why. */
  readonly WEBHOOK_MANAGER_AGENT_RESPONSE: AboutConversation & {
    readonly agent: string;
    readonly sessionId: string;
    /** Markdown. */
    readonly response: string | null;
    readonly responsePlain: string | null;
    readonly understood: boolean;
    readonly toolCalls: readonly RecordedToolCall[];
    readonly error: Failure | null;
    /** Which call of the agent it was; null when all of them failed. */
    readonly attempts: number | null;
    /** The time of the agent call that counted. */
    readonly agentTimeMs: number;
    readonly executionTimeSeconds: number;
    /** From the request until now. */
    readonly answerTimeMs: number;
    /** Of the markdown, in UTF-8. */
    readonly responseSizeBytes: number;
  };
  /** `webhookType` is the decided type; the guess was made at the door. */
  readonly WEBHOOK_RESPONSE_CLASSIFIED: AboutConversation & { readonly guessedType: WebhookType };
  readonly WEBHOOK_OUTBOUND_QUEUED: AboutDelivery;
  readonly WEBHOOK_DELIVERY_SUCCESS: AboutDelivery & AttemptData & { readonly statusCode: number };
  readonly WEBHOOK_DELIVERY_FAILED: AboutDelivery &
    AttemptData & {
      /** Absent when no answer came. */
      readonly statusCode: number | null;
      /** What was seen, in a sentence. */
      readonly reason: string;
      /** ISO-8601; null when this was the last one. */
      readonly nextAttemptAt: string | null;
    };
  readonly WEBHOOK_CONVERSATION_COMPLETED: AboutDelivery & {
    readonly status: EndStatus;
    readonly deliveryStatus: Exclude<DeliveryStatus, 'none' | 'pending' | 'retrying'>;
    /** Delivery attempts that were made. */
    readonly attempts: number;
    /** From the request until now. */
    readonly totalTimeMs: number;
    /** Why a delivery ended that was not used up: it was cancelled, or an error of ours. */
    readonly problem?: string;
  };
  readonly WEBHOOK_CONVERSATION_EXPORTED: AboutConversation & {
    /** The folder of the four files. */
    readonly prefix: string;
    readonly keys: readonly string[];
    readonly sizeBytes: number;
  };
  /** Its content was taken away, and is not in the events before this one any more (`erasure.ts`). */
  readonly WEBHOOK_CONVERSATION_ERASED: AboutConversation & {
    readonly runId: string;
    /** Who asked for it. */
    readonly erasedBy: string;
  };
}

export type EventType = keyof EventData;
export type ConversationEventType = Exclude<EventType, keyof SystemEventData>;

/**
 * Every event of a conversation, in the order of a life, with its fields that hold what people, agents, tools and receivers wrote: no log line has
 * them as they are, and erasing empties them. (Of an `error` it is the message, in any of them.) The compiler asks for the line of an event that is in the map and not here.
 */
const contentOf = {
  WEBHOOK_REQUEST_RECEIVED: ['query', 'extra'],
  WEBHOOK_MANAGER_AGENT_INVOKED: [],
  WEBHOOK_MANAGER_AGENT_RESPONSE: ['response', 'responsePlain', 'toolCalls'],
  WEBHOOK_RESPONSE_CLASSIFIED: [],
  WEBHOOK_OUTBOUND_QUEUED: [],
  WEBHOOK_DELIVERY_SUCCESS: [],
  WEBHOOK_DELIVERY_FAILED: ['reason'],
  WEBHOOK_CONVERSATION_COMPLETED: ['problem'],
  WEBHOOK_CONVERSATION_EXPORTED: [],
  WEBHOOK_CONVERSATION_ERASED: [],
} as const satisfies { readonly [T in ConversationEventType]: readonly (keyof EventData[T])[] };

export const eventTypes = Object.keys(contentOf) as readonly ConversationEventType[];

/** Of any event. */
export const contentFields: ReadonlySet<string> = new Set(Object.values(contentOf).flat());

/** What every event says about its conversation. */
export interface AboutConversation {
  readonly conversationId: string;
  /** The `webhook-id` of what will be delivered. */
  readonly deliveryId: string;
  readonly sourceSystem: string;
  readonly sourceProcess: string;
  readonly webhookType: WebhookType;
}

export interface AboutDelivery extends AboutConversation {
  /** False when what is delivered is the account of a failure. */
  readonly answered: boolean;
}

export interface AttemptData {
  /** From 1. */
  readonly attempt: number;
  readonly webhookUrl: string;
  readonly responseTimeMs: number;
}

export const webhookTypes = ['deal_analysis', 'data_analysis', 'lead_analysis', 'general'] as const;
export type WebhookType = (typeof webhookTypes)[number];

export const conversationStatuses = [
  'queued',
  'processing',
  'awaiting_approval',
  'delivering',
  'delivered',
  'delivery_failed',
  'failed',
] as const;
export type ConversationStatus = (typeof conversationStatuses)[number];
export type EndStatus = Extract<ConversationStatus, 'delivered' | 'delivery_failed' | 'failed'>;

/** `none`: nothing to deliver yet. `not_configured`: there is no URL; the status route is where the answer is. */
export type DeliveryStatus = 'none' | 'pending' | 'retrying' | 'delivered' | 'failed' | 'not_configured';

export interface Failure {
  /** A code of `core/errors.ts`. */
  readonly code: string;
  readonly message: string;
  /** Whether asking again later may succeed. */
  readonly recoverable: boolean;
}

export interface RecordedToolCall {
  readonly tool: string;
  readonly input: JsonObject;
  readonly output: JsonObject;
  /** Milliseconds since the epoch; absent where it was not told. */
  readonly startedAt?: number;
  readonly durationMs: number;
}

/** An event as the store gives it back. */
export type RecordedEvent = { readonly [T in EventType]: RecordedEventOf<T> }[EventType];
export type ConversationEvent = Extract<RecordedEvent, { readonly type: ConversationEventType }>;

export interface RecordedEventOf<T extends EventType> {
  readonly id: string;
  /** Grows in the order in which events became durable; over all conversations, with gaps. */
  readonly sequence: number;
  readonly type: T;
  readonly trackingId: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly data: EventData[T];
}

/** An event for the record, as a fact to give to `step.start`, `context.record` or `engine.start`. */
export function event<T extends EventType>(type: T, trackingId: string, data: EventData[T]): Fact {
  return { type, subject: trackingId, data: data as unknown as JsonObject };
}

const ofConversations = new Set<string>(eventTypes);
const known = new Set<string>([...eventTypes, ...systemEventTypes]);

export function isConversationEvent(event: RecordedEvent): event is ConversationEvent {
  return ofConversations.has(event.type);
}

/** Whether a fact is an event of this map; facts of others are kept, and change no conversation. */
export function isEventType(type: string): type is EventType {
  return known.has(type);
}

/** A stamped fact as the event that it is, before it has its place in the log. */
export function toRecordedEvent(fact: StampedFact, sequence: number): RecordedEvent {
  const { id, type, subject: trackingId, at, data } = fact;
  return { id, sequence, type, trackingId, at, data: data as Json } as unknown as RecordedEvent;
}
