import type { JsonObject } from '../core/json.ts';

/** The part of the store that alarms need: what they remember, and what they measure at a cost that does not grow with the record. */
export interface AlarmRecords {
  alarms(): Promise<readonly KeptAlarm[]>;

  /**
   * Keeps what an alarm remembers if it still has the revision that was read (0 where there was none); returns whether it had. Its
   * revision is one more then.
   */
  putAlarm(name: string, revision: number, state: JsonObject): Promise<boolean>;

  /** Of the latest conversations that were completed at or after a time, at most `endingLimit`: how many, and how many of them failed. */
  endings(since: number): Promise<{ readonly total: number; readonly failed: number }>;

  /** When the request came that has been waiting longest to be taken up (`queued`), for its answer (`processing`), or for its delivery (`delivering`). */
  oldest(status: UnfinishedStatus): Promise<number | undefined>;

  /** Floods of refused webhooks since a time: minutes in which many of one source were refused. */
  floods(since: number): Promise<number>;
}

export type UnfinishedStatus = 'queued' | 'processing' | 'delivering';

export interface KeptAlarm {
  readonly name: string;
  readonly revision: number;
  readonly state: JsonObject;
}

export const endingLimit = 20_000;
