import type { LiveRecord } from '../live.ts';
import type { EventLog, LoggedEvent, LogPage, LogQuery } from './event-log.ts';

export interface TailOptions {
  readonly log: EventLog;
  readonly live: Pick<LiveRecord, 'subscribeLog'>;
  readonly onError: (error: unknown) => void;
  /** What is held. Default 2,000 events and 2 MiB, as stored. */
  readonly limits?: { readonly events: number; readonly sizeBytes: number };
  /** Between two looks: what comes meanwhile is read together. Default 20. */
  readonly restMs?: number;
}

const usualLimits = { events: 2_000, sizeBytes: 2 * 1_048_576 };
const nowhere = Number.POSITIVE_INFINITY;
const afterFailureMs = 1_000;
/** A read of those who are behind is followed by so many times as long as it took without one. */
const restFactor = 3;
const page = { limit: 500, sizeBytes: 262_144 };

/**
 * The end of the log, held once for all who follow it in this process: it is read when there is news, however many they are, and nobody holds
 * more than a place in it. Whoever is further behind than what is held reads the log. Nothing is read or held while nobody follows.
 */
export class LogTail {
  readonly #options: TailOptions;
  #events: LoggedEvent[] = [];
  #sizeBytes = 0;
  /** What is held begins after this number: nowhere, until it is known where the log ends … */
  #from = nowhere;
  /** … and has been looked for up to this one. */
  #position = nowhere;
  #readers = 0;
  #stop: (() => void) | undefined;
  #lastRead: Promise<unknown> = Promise.resolve();
  #looking = false;
  #hasNews = false;
  #hasFailed = false;
  #bell = Promise.withResolvers<void>();

  constructor(options: TailOptions) {
    this.#options = options;
  }

  get readers(): number {
    return this.#readers;
  }

  /** Whether it is known where the log ends; who has joined hears by `news` when it is. */
  get hasBegun(): boolean {
    return this.#from !== nowhere;
  }

  /** Follows the log from now on; returns how to stop. */
  join(): () => void {
    if (this.#readers++ === 0) this.#stop = this.#options.live.subscribeLog(() => this.#wake());
    this.#wake();
    let joined = true;
    return () => {
      if (!joined) return;
      joined = false;
      if (--this.#readers > 0) return;
      this.#stop?.();
      this.#clear(nowhere);
    };
  }

  /** What is held after a number, in a page of at most so many bytes; undefined when the log has to be read for it. */
  after(position: number, sizeBytes: number): LogPage | undefined {
    if (position < this.#from) return undefined;
    const events: LoggedEvent[] = [];
    let size = 0;
    for (let at = this.#indexAfter(position); at < this.#events.length; at++) {
      const next = this.#events[at]!;
      size += next.sizeBytes;
      if (events.length > 0 && size > sizeBytes) {
        return { events, position: events.at(-1)!.event.sequence, isEnd: false };
      }
      events.push(next);
    }
    return { events, position: Math.max(position, this.#position), isEnd: true };
  }

  /**
   * The log for who is behind: one after the other, however many they are, and with rests for those whose requests are accepted. Nothing is read for
   * who has gone by the time it is their turn.
   */
  read(after: number, query: LogQuery, signal?: AbortSignal): Promise<LogPage> {
    const turn = this.#lastRead.then(async () => {
      if (signal?.aborted) return { found: { events: [], position: after, isEnd: true }, rested: undefined };
      const begun = performance.now();
      const found = this.#options.log.eventLog(after, query);
      const tookMs = () => performance.now() - begun;
      const rested = found.then(tookMs, tookMs).then((ms) => pause(ms * restFactor));
      return { found, rested };
    });
    this.#lastRead = turn.then(({ rested }) => rested);
    return turn.then(({ found }) => found);
  }

  /** Resolves when there is more than there was when it was asked for. */
  news(): Promise<void> {
    return this.#bell.promise;
  }

  #indexAfter(position: number): number {
    let [low, high] = [0, this.#events.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#events[middle]!.event.sequence > position) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #wake(): void {
    this.#hasNews = true;
    if (!this.#looking) void this.#look();
  }

  async #look(): Promise<void> {
    this.#looking = true;
    while (this.#hasNews && this.#readers > 0) {
      this.#hasNews = false;
      try {
        await this.#readOn();
        this.#hasFailed = false;
      } catch (error) {
        // Once until it goes well again.
        if (!this.#hasFailed) this.#options.onError(error);
        this.#hasFailed = true;
        this.#hasNews = true;
      }
      await pause(this.#hasFailed ? afterFailureMs : (this.#options.restMs ?? 20));
    }
    this.#looking = false;
  }

  async #readOn(): Promise<void> {
    if (this.#from === nowhere) {
      const newest = await this.#options.log.newestSequence();
      if (this.#readers === 0) return;
      this.#clear(newest);
      this.#ring();
    }
    for (let isEnd = false; !isEnd && this.#readers > 0; ) {
      const asked = this.#position;
      const found = await this.#options.log.eventLog(asked, page);
      // All have gone meanwhile, and others have come.
      if (asked !== this.#position) return;
      this.#hold(found);
      isEnd = found.isEnd;
    }
  }

  #hold({ events, position }: LogPage): void {
    this.#position = position;
    for (const each of events) {
      // Its content is gone from the log, and is not told from here either.
      if (each.event.type === 'WEBHOOK_CONVERSATION_ERASED') this.#clear(each.event.sequence - 1, position);
      this.#events.push(each);
      this.#sizeBytes += each.sizeBytes;
    }
    this.#dropOldest();
    if (events.length > 0) this.#ring();
  }

  #ring(): void {
    this.#bell.resolve();
    this.#bell = Promise.withResolvers();
  }

  #dropOldest(): void {
    const { events, sizeBytes } = this.#options.limits ?? usualLimits;
    let drop = 0;
    while (this.#events.length - drop > events || this.#sizeBytes > sizeBytes) {
      const oldest = this.#events[drop++]!;
      this.#sizeBytes -= oldest.sizeBytes;
      this.#from = oldest.event.sequence;
    }
    if (drop > 0) this.#events = this.#events.slice(drop);
  }

  #clear(from: number, position = from): void {
    this.#events = [];
    this.#sizeBytes = 0;
    this.#from = from;
    this.#position = position;
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms).unref());
