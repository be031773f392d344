import type { JsonObject } from '../core/json.ts';

/** The part of the store that alarms need: what they remember, and what they measure at a cost that does not grow with the record. */
export interface AlarmRecords {
  alarms(): Promise<readonly KeptAlarm[]>;

  /**
   * Keeps what an alarm remembers if it still has the revision that was read (0 where there was none); returns whether it had. Its
   * revision is one more then.
   */
  putAlarm(name: string, revision: number, state: JsonObject): Promise<boolean>;

  /**
   * Of the latest conversations that were completed within a time (both ends of it belong to it), at most `endingLimit`: how many, how
   * many of them failed, and which of these did last.
   */
  endings(since: number, until: number): Promise<Endings>;

  /** Whose request has been waiting longest to be taken up (`queued`), for its answer (`processing`), or for its delivery (`delivering`). */
  oldest(status: UnfinishedStatus): Promise<Oldest | undefined>;

  /** Floods of refused webhooks since a time: minutes in which many of one source were refused. */
  floods(since: number): Promise<number>;
}

export type UnfinishedStatus = 'queued' | 'processing' | 'delivering';

export interface Endings {
  readonly total: number;
  readonly failed: number;
  /** A tracking id; null when none failed. */
  readonly latestFailed: string | null;
}

export interface Oldest {
  readonly trackingId: string;
  /** When its request came. */
  readonly at: number;
}

export interface KeptAlarm {
  readonly name: string;
  readonly revision: number;
  readonly state: JsonObject;
}

export const endingLimit = 20_000;
