import { setTimeout as pause } from 'node:timers/promises';
import type { Content } from './content.ts';
import { noKey } from './key-registry.ts';
import type { Resealed, Tell } from './reseal.ts';

/** What is put under the newest key, as the rotation sees it. */
export interface Rotating {
  /** The keys that values may be under, `plain` among them. */
  keysInUse(): Promise<readonly string[]>;
  /**
   * Goes through everything once, in small pieces, and puts what is under another key, or under none, under the newest one. A piece is whole or
   * not there. False when another process does it, or it was stopped.
   */
  pass(signal: AbortSignal, tell: Tell): Promise<boolean>;
  /** Makes the search anew unless it is under the newest key; resolves with whether it is, and nothing of another one is left. */
  moveSearch(): Promise<boolean>;
  /** Sees to it that earlier texts are not left in what is free; then notes that values are under the newest key alone. */
  settle(): Promise<void>;
}

export interface RotationState {
  /** The key of new values; null: they are plain. */
  readonly keyId: string | null;
  readonly keys: readonly {
    readonly id: string;
    readonly isNewest: boolean;
    /** Whether there may be values under it. One that is configured and not in use can be taken out of the configuration. */
    readonly inUse: boolean;
  }[];
  /** Whether values without a key may be there. */
  readonly plainInUse: boolean;
  readonly rotating: boolean;
  readonly rewritten: number;
  readonly unreadable: number;
}

export interface RotationOptions {
  readonly content: Content;
  readonly rotating: Rotating;
  readonly onDone?: (done: Resealed) => void;
  readonly onError?: (error: unknown) => void;
  /** From `begin` to the first look. Default: five seconds, as new words go into an index that is not moved yet as they are. */
  readonly firstAfterMs?: number;
  /** Default: an hour. */
  readonly everyMs?: number;
}

const searchLooksEveryMs = 300;

/**
 * Puts all values under the newest key: from time to time by itself, and when it is asked to. It remembers nothing, so that a
 * crash costs nothing but another look: what is done is found done. It is through when a whole pass finds nothing to do, because other processes may
 * have written under an older key meanwhile.
 */
export class Rotation {
  readonly #options: RotationOptions;
  readonly #stopping = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #working: Promise<void> | undefined;
  #done: Resealed = { rewritten: 0, unreadable: 0 };

  constructor(options: RotationOptions) {
    this.#options = options;
  }

  begin(afterMs = this.#options.firstAfterMs ?? 5_000): void {
    if (this.#options.content.keyIds.length === 0 || this.#stopping.signal.aborted) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.rotate().finally(() => this.begin(this.#options.everyMs ?? 3_600_000));
    }, afterMs).unref();
  }

  /** Ends what runs after its present piece. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    clearTimeout(this.#timer);
    await this.#working;
  }

  /** Begins, unless it runs already; resolves when it is through, or has failed, which is told to `onError`. */
  rotate(): Promise<void> {
    this.#working ??= this.#work()
      .catch((error) => {
        if (!this.#stopping.signal.aborted) this.#options.onError?.(error);
      })
      .finally(() => {
        this.#working = undefined;
      });
    return this.#working;
  }

  async state(): Promise<RotationState> {
    const { content, rotating } = this.#options;
    const inUse = await rotating.keysInUse();
    return {
      keyId: content.keyId ?? null,
      keys: content.keyIds.map((id) => ({ id, isNewest: id === content.keyId, inUse: inUse.includes(id) })),
      plainInUse: inUse.length === 0 || inUse.includes(noKey),
      rotating: this.#working !== undefined,
      ...this.#done,
    };
  }

  #add({ rewritten, unreadable }: Resealed): void {
    const done = this.#done;
    this.#done = { rewritten: done.rewritten + rewritten, unreadable: done.unreadable + unreadable };
  }

  async #work(): Promise<void> {
    const { content, rotating, onDone } = this.#options;
    const { signal } = this.#stopping;
    this.#done = { rewritten: 0, unreadable: 0 };
    const newest = content.keyId ?? noKey;
    if ((await rotating.keysInUse()).every((id) => id === newest)) return;
    for (let isThrough = false; !isThrough; ) {
      const before = this.#done.rewritten;
      this.#done = { rewritten: before, unreadable: 0 };
      if (!(await rotating.pass(signal, (done) => this.#add(done))) || signal.aborted) return;
      isThrough = this.#done.rewritten === before;
    }
    while (!(await rotating.moveSearch())) await pause(searchLooksEveryMs, undefined, { signal });
    await rotating.settle();
    onDone?.(this.#done);
  }
}
