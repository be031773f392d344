import type { ConversationSummary } from './conversation.ts';
import type { RecordedEvent } from './events.ts';

export type RecordListener = (event: RecordedEvent) => void;

/**
 * Events in this process, after they have become durable. Who follows a conversation is told that there is news of it, whichever
 * process wrote it. A listener that throws is told to `onError` and breaks nothing.
 */
export class LiveRecord {
  readonly #followers = new Map<string, Set<() => void>>();
  readonly #everyEvent = new Set<RecordListener>();
  readonly #logFollowers = new Set<() => void>();
  readonly #onError: (error: unknown) => void;
  readonly #limit: number;
  #count = 0;

  constructor(options: { readonly onError: (error: unknown) => void; readonly limit?: number }) {
    this.#onError = options.onError;
    this.#limit = options.limit ?? 10_000;
  }

  /** The conversations that somebody follows. */
  get followed(): readonly string[] {
    return [...this.#followers.keys()];
  }

  /** News of one conversation. Returns how to stop, or undefined when there are too many followers already. */
  subscribe(trackingId: string, onNews: () => void): (() => void) | undefined {
    if (this.#count >= this.#limit) return undefined;
    const followers = this.#followers.get(trackingId) ?? new Set();
    this.#followers.set(trackingId, followers);
    const own = () => onNews();
    followers.add(own);
    this.#count++;
    return () => {
      if (!followers.delete(own)) return;
      this.#count--;
      if (followers.size === 0) this.#followers.delete(trackingId);
    };
  }

  /** Events that this process wrote; for parts of the system itself (log, metrics), not for callers from outside. */
  subscribeAll(listener: RecordListener): () => void {
    this.#everyEvent.add(listener);
    return () => void this.#everyEvent.delete(listener);
  }

  /** News of the log as a whole, whichever process wrote them. Returns how to stop. */
  subscribeLog(onNews: () => void): () => void {
    const own = () => onNews();
    this.#logFollowers.add(own);
    return () => void this.#logFollowers.delete(own);
  }

  /** There may be something new in the log. */
  announceLog(): void {
    for (const onNews of [...this.#logFollowers]) this.#tell(onNews);
  }

  publish(events: readonly RecordedEvent[]): void {
    for (const event of events) {
      for (const listener of this.#everyEvent) this.#tell(() => listener(event));
      this.announce(event.trackingId);
    }
    if (events.length > 0) this.announceLog();
  }

  /** There is something new to be read of a conversation. */
  announce(trackingId: string): void {
    const followers = this.#followers.get(trackingId);
    if (followers === undefined) return;
    for (const onNews of [...followers]) this.#tell(onNews);
  }

  #tell(listener: () => void): void {
    try {
      listener();
    } catch (error) {
      this.#onError(error);
    }
  }
}

/** What following needs of the store. */
export interface RecordReader {
  events(trackingId: string, afterSequence?: number): Promise<readonly RecordedEvent[]>;
  summary(trackingId: string): Promise<ConversationSummary | undefined>;
}

/**
 * The events of a conversation after a sequence number, those that are there and those that come, each once and in order,
 * until the conversation is complete, or `signal` is aborted. A slow reader holds no events in memory: it reads the
 * store. Ends at once when there are too many listeners.
 */
export async function* follow(
  of: { readonly store: RecordReader; readonly live: LiveRecord },
  trackingId: string,
  options: { readonly afterSequence?: number; readonly signal: AbortSignal },
): AsyncGenerator<RecordedEvent> {
  const bell = new Bell();
  const unsubscribe = of.live.subscribe(trackingId, () => bell.ring());
  if (unsubscribe === undefined) return;
  const onAbort = () => bell.ring();
  options.signal.addEventListener('abort', onAbort);
  try {
    let sequence = options.afterSequence ?? 0;
    while (!options.signal.aborted) {
      bell.reset();
      // Asked first: when it is complete, all that it has is there to be read.
      const isComplete = (await of.store.summary(trackingId))?.complete !== false;
      const events = await of.store.events(trackingId, sequence);
      for (const event of events) {
        sequence = event.sequence;
        yield event;
      }
      if (events.length > 0) continue;
      if (isComplete) return;
      await bell.rung();
    }
  } finally {
    options.signal.removeEventListener('abort', onAbort);
    unsubscribe();
  }
}

/** Remembers that it was rung until it is reset. */
class Bell {
  #ring = Promise.withResolvers<void>();

  ring(): void {
    this.#ring.resolve();
  }

  reset(): void {
    this.#ring = Promise.withResolvers<void>();
  }

  rung(): Promise<void> {
    return this.#ring.promise;
  }
}
