import type { EventType } from './events.ts';

/**
 * What is projected from the log. A store has a part for each name; the compiler says so where one is missing.
 *
 * `conversations` is projected with the event, in its transaction, as all that is decided depends on it (`conversation.ts`). The others follow
 * the log: each knows how far it has come, goes on from there in small pieces, and does nothing for a request that is being accepted. Any of
 * them can be made anew from the log while everything runs, beside what is there, and takes its place when it has caught up.
 */
export const projectionNames = ['conversations', 'search', 'statistics'] as const;
export type ProjectionName = (typeof projectionNames)[number];

/** Those that follow the log, and the events that change them. */
export const followed = {
  search: [
    'WEBHOOK_REQUEST_RECEIVED',
    'WEBHOOK_MANAGER_AGENT_RESPONSE',
    'WEBHOOK_RESPONSE_CLASSIFIED',
    // Whoever read the texts before they were erased may have written their words afterwards.
    'WEBHOOK_CONVERSATION_ERASED',
  ],
  statistics: ['WEBHOOK_CONVERSATION_COMPLETED'],
} as const satisfies Partial<Record<ProjectionName, readonly EventType[]>>;

export type FollowedName = keyof typeof followed;

/** How far a projection has come. */
export interface ProjectionState {
  readonly name: ProjectionName;
  /** Events of the log that it has not looked at yet; 0 when it is up to date. */
  readonly behind: number;
  /** While it is made anew. */
  readonly rebuilding: {
    /** Events that have been looked at, and all that there are. */
    readonly done: number;
    readonly of: number;
    /** Conversations that were found to be other than their events say, and put right. */
    readonly changed: number;
  } | null;
}
