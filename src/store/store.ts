import type { JsonObject } from '../core/json.ts';
import type {
  ConversationStatus,
  DeliveryStatus,
  Failure,
  RecordedEvent,
  RecordedToolCall,
  WebhookType,
} from '../record/events.ts';

/**
 * The store port: the record and what is projected from it, for reading, and the endpoints that may not be delivered to.
 *
 * Events come into it by the engine, as facts that become durable together with the operation that they belong to
 * (the embedded engine) or by `append` (engines with a journal elsewhere). What a read shows is durable. An event is
 * written once, by its id; the order of `sequence` is the order in which events became visible.
 */
export interface Store {
  /** The whole conversation: question, answer once there is one, every delivery attempt. */
  conversation(trackingId: string): Promise<Conversation | undefined>;

  /** Where it stands, without answer and attempts; cheap. */
  summary(trackingId: string): Promise<ConversationSummary | undefined>;

  /** Newest first. Throws `invalid_request` for a cursor that is not one of its own. */
  conversations(filter?: ConversationFilter): Promise<ConversationPage>;

  /** The events of a conversation with a greater sequence number, in order, at most `limit` (default 1,000). */
  events(trackingId: string, afterSequence?: number, limit?: number): Promise<readonly RecordedEvent[]>;

  /** How long the latest conversations of this type took from request to answer, in milliseconds, newest first. */
  recentAnswerTimesMs(type: WebhookType, limit: number): Promise<readonly number[]>;

  /** How many conversations are in each status that has any. */
  counts(): Promise<Readonly<Partial<Record<ConversationStatus, number>>>>;

  /** Forbids deliveries to a URL until it is enabled. The first reason and time are kept. */
  disableEndpoint(endpoint: DisabledEndpoint): Promise<void>;

  /** Returns whether it was disabled. */
  enableEndpoint(url: string): Promise<boolean>;

  disabledEndpoint(url: string): Promise<DisabledEndpoint | undefined>;

  /** By URL. */
  disabledEndpoints(): Promise<readonly DisabledEndpoint[]>;
}

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

export interface ConversationFilter {
  readonly status?: ConversationStatus;
  readonly sourceSystem?: string;
  readonly webhookType?: WebhookType;
  /** The cursor of an earlier page. */
  readonly after?: string;
  /** Default 50, at most 500. */
  readonly limit?: number;
}

export interface ConversationPage {
  readonly conversations: readonly ConversationSummary[];
  readonly next?: string;
}

export interface DisabledEndpoint {
  readonly url: string;
  /** Milliseconds since the epoch. */
  readonly disabledAt: number;
  readonly reason: string;
}
