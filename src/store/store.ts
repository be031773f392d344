import type { StampedFact } from '../engine/engine.ts';
import type { Source } from '../inbound/source.ts';
import type { Conversation, ConversationSummary } from '../record/conversation.ts';
import type { ConversationStatus, RecordedEvent, WebhookType } from '../record/events.ts';
import type { EventLog } from '../record/feed/event-log.ts';
import type { ProjectionName, ProjectionState } from '../record/projections.ts';
import type { Part } from '../record/search/highlight.ts';
import type { SearchQuery } from '../record/search/query.ts';
import type { BucketRange } from '../record/statistics/remembered.ts';
import type { Statistics } from '../record/statistics/statistics.ts';
import type { AlarmRecords } from './alarms.ts';
import type { Audit } from './audit.ts';
import type { Erasing } from './erasing.ts';
import type { Identities } from './identities.ts';

export type { Answer, Conversation, ConversationSummary, DeliveryAttempt } from '../record/conversation.ts';

/**
 * The store port: the record and what is projected from it, the endpoints that may not be delivered to, and who may call
 * (`identities.ts`).
 *
 * Events come into it as facts: in the transaction of the operation that they belong to (the embedded engine on SQLite), or
 * by `append` (engines with a journal elsewhere). What a read shows is durable. An event is written once, by its id;
 * the order of `sequence` is the order in which events became visible, however many processes write: who has read up to a
 * number never misses an event that comes later with a smaller one.
 */
export interface Store extends Identities, Audit, AlarmRecords, Erasing, EventLog {
  /**
   * Writes facts and what is projected from them, all or none, in this order. A fact whose id the conversation has already
   * changes nothing, so that a caller that does not know whether its first try arrived tries again: an engine that runs a
   * step twice gives its facts the same ids. Resolves once they are durable and visible to every reader.
   * Throws `storage_failed` (retryable) when the store cannot take them now.
   */
  append(facts: readonly StampedFact[]): Promise<void>;

  /** The whole conversation: question, answer once there is one, every delivery attempt. */
  conversation(trackingId: string): Promise<Conversation | undefined>;

  /** Where it stands, without answer and attempts; cheap. */
  summary(trackingId: string): Promise<ConversationSummary | undefined>;

  /**
   * Newest first, by the time of the request. Throws `invalid_request` for a cursor that is not one of its own. What two filters leave of
   * many may be far apart: then a page can have fewer than `limit` although there is a next one.
   */
  conversations(filter?: ConversationFilter & PageOptions): Promise<ConversationPage>;

  /** How many conversations there are with what the filter says, as far as that can be told at a bounded cost. */
  count(filter?: ConversationFilter): Promise<BoundedCount>;

  /** The events of a conversation with a greater sequence number, in order, at most `limit` (default 1,000). */
  events(trackingId: string, afterSequence?: number, limit?: number): Promise<readonly RecordedEvent[]>;

  /** How long the latest conversations of this type took from request to answer, in milliseconds, newest first. */
  recentAnswerTimesMs(type: WebhookType, limit: number): Promise<readonly number[]>;

  /** How many conversations are in each status that has any. */
  counts(): Promise<Readonly<Partial<Record<ConversationStatus, number>>>>;

  /**
   * Conversations whose question or answer has what is looked for, newest first in the order of their arrival. It follows the log: what has just
   * been written may be missing, and the page says how much. Looking stops after a while; then a page has fewer than `limit`, and a next one.
   */
  search(search: ConversationSearch): Promise<SearchPage>;

  /** What was completed in each bucket of a range that has anything; in the order of time. It follows the log. */
  statistics(range: BucketRange): Promise<readonly Statistics[]>;

  /** How far each projection has come. */
  projections(): Promise<readonly ProjectionState[]>;

  /** Begins to make projections anew from the log, in the background; what is there is read until then. One that is being made goes on. */
  rebuild(names: readonly ProjectionName[]): Promise<void>;

  /** Forbids deliveries to a URL until it is enabled. The first reason and time are kept. */
  disableEndpoint(endpoint: DisabledEndpoint): Promise<void>;

  /** Returns whether it was disabled. */
  enableEndpoint(url: string): Promise<boolean>;

  disabledEndpoint(url: string): Promise<DisabledEndpoint | undefined>;

  /** By URL. */
  disabledEndpoints(): Promise<readonly DisabledEndpoint[]>;

  /** A system that sends webhooks. */
  source(name: string): Promise<Source | undefined>;

  /** By name. */
  sources(): Promise<readonly Source[]>;

  /** Keeps it in the place of any other of that name; returns whether there was none. */
  putSource(source: Source): Promise<boolean>;

  /** Returns whether there was one. */
  deleteSource(name: string): Promise<boolean>;
}

/** All of what is given holds. */
export interface ConversationFilter {
  readonly status?: ConversationStatus;
  readonly sourceSystem?: string;
  readonly sourceProcess?: string;
  readonly webhookType?: WebhookType;
  readonly account?: string;
  readonly conversationId?: string;
  /** When the request came, in milliseconds since the epoch: not before `from`, and before `to`. */
  readonly from?: number;
  readonly to?: number;
}

export interface PageOptions {
  /** The cursor of an earlier page. */
  readonly after?: string;
  /** Default 50, at most 500. */
  readonly limit?: number;
}

export interface ConversationPage {
  readonly conversations: readonly ConversationSummary[];
  readonly next?: string;
}

export interface ConversationSearch extends Omit<ConversationFilter, 'conversationId'>, PageOptions {
  readonly query: SearchQuery;
}

export interface SearchPage {
  readonly found: readonly FoundConversation[];
  readonly next?: string;
  /** Events that the search has not looked at yet. */
  readonly behind: number;
}

export interface FoundConversation {
  readonly summary: ConversationSummary;
  /** The places that match. */
  readonly question: readonly (readonly Part[])[];
  readonly answer: readonly (readonly Part[])[];
}

/** Exact up to `countLimit`. Otherwise there are so many or more. */
export interface BoundedCount {
  readonly count: number;
  readonly exact: boolean;
}

export const countLimit = 10_000;

export interface DisabledEndpoint {
  readonly url: string;
  /** Milliseconds since the epoch. */
  readonly disabledAt: number;
  readonly reason: string;
}
