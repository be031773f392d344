import type { ConversationEvent, ConversationEventType, ConversationStatus, WebhookType } from '../events.ts';

/** The log of all conversations, as the store gives it to whoever goes through it or follows it. */
export interface EventLog {
  /** The number of the newest event of the record; 0 while there is none. */
  newestSequence(): Promise<number>;

  /**
   * Events of conversations with a greater number, in their order, and how far it has looked for them: a bounded piece of the log, so that a
   * page may be empty and not the end. Who goes on from `position` gets every event once, whatever was written meanwhile.
   */
  eventLog(after: number, query?: LogQuery): Promise<LogPage>;
}

export interface LogQuery extends LogSelection {
  /** Default 100, at most 500. */
  readonly limit?: number;
  /** The page ends before the event that would make it larger; a single event is given whatever its size. Default 64 KiB, as stored. */
  readonly sizeBytes?: number;
}

/** What does not change in the life of a conversation, and the types of events. All of what is given holds. */
export interface LogSelection {
  readonly types?: readonly ConversationEventType[];
  readonly sourceSystem?: string;
  readonly sourceProcess?: string;
  readonly account?: string;
}

/** What a reader of the log wants: also what changes, as it is from the event on. */
export interface EventSelection extends LogSelection {
  readonly webhookType?: WebhookType;
  readonly status?: ConversationStatus;
}

export interface LoggedEvent {
  readonly event: ConversationEvent;
  /** Whose affairs the conversation is about. */
  readonly account: string | null;
  readonly sizeBytes: number;
}

export interface LogPage {
  readonly events: readonly LoggedEvent[];
  readonly position: number;
  /** Nothing came after `position` when it looked. */
  readonly isEnd: boolean;
}

export const logDefaults = { limit: 100, sizeBytes: 65_536 } as const;

/** So many events are looked at for one page. */
export const lookedAtMost = 500;

/** Without anything to choose by, nearly all that are looked at are wanted. */
export const lookedFor = ({ limit = logDefaults.limit, sizeBytes: _, ...selection }: LogQuery): number =>
  Object.keys(selection).length > 0 ? lookedAtMost : Math.min(limit, lookedAtMost);

export interface Candidate {
  readonly sequence: number;
  readonly sizeBytes: number;
  readonly wanted: boolean;
}

/** Which of the events that were looked at make the next page, and where it ends. */
export function pageOf(
  looked: readonly Candidate[],
  after: number,
  query: LogQuery,
): Pick<LogPage, 'position' | 'isEnd'> & { readonly sequences: readonly number[] } {
  const { limit = logDefaults.limit, sizeBytes = logDefaults.sizeBytes } = query;
  const sequences: number[] = [];
  let [position, size] = [after, 0];
  for (const candidate of looked) {
    if (candidate.wanted) {
      size += candidate.sizeBytes;
      const isFull =
        sequences.length === Math.min(limit, lookedAtMost) || (sequences.length > 0 && size > sizeBytes);
      if (isFull) return { sequences, position, isEnd: false };
      sequences.push(candidate.sequence);
    }
    position = candidate.sequence;
  }
  return { sequences, position, isEnd: looked.length < lookedFor(query) };
}
