import { hash } from 'node:crypto';
import type { ApiKey } from '../core/api-keys.ts';
import { SignalboxError } from '../core/errors.ts';
import type { Identities } from '../store/identities.ts';
import type { Caller } from './caller.ts';

export interface KeyRingOptions {
  /** Those of `SIGNALBOX_API_KEYS`. */
  readonly configured: readonly ApiKey[];
  readonly store: Pick<Identities, 'keys' | 'touchKeys'>;
  readonly onError: (error: unknown) => void;
  /** Milliseconds since the epoch. */
  readonly clock?: () => number;
  /** Between looks at the store. Default 2,000. */
  readonly lookEveryMs?: number;
}

interface Entry {
  readonly caller: Caller;
  readonly expiresAt: number;
  readonly isStored: boolean;
}

/** Without a look that succeeded for so long, nobody knows whether a key was revoked meanwhile. */
const staleAfterMs = 5 * 60_000;
const touchEveryMs = 60_000;

/**
 * All keys by their hash, in memory: a request costs one SHA-256 and one look into a map, and one with an invented key never
 * reaches the store. The store is read every two seconds, so that a key that is made or revoked in another
 * process counts here soon after; when it can't be read, what was known counts for five minutes more. Looking a hash up needs no
 * constant time: who presents a key can't choose its hash.
 */
export class KeyRing {
  readonly #options: KeyRingOptions;
  readonly #clock: () => number;
  #entries: ReadonlyMap<string, Entry> = new Map();
  #hasStored = false;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #used = new Map<string, number>();
  #touchedAt = 0;
  #looking: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #failed = false;

  constructor(options: KeyRingOptions) {
    this.#options = options;
    this.#clock = options.clock ?? Date.now;
    this.#entries = configuredEntries(options.configured);
  }

  /** Whether there never was a key. One that was revoked or has expired counts: with it gone, nobody may call. */
  get isEmpty(): boolean {
    return this.#options.configured.length === 0 && !this.#hasStored;
  }

  /** How many keys can be used. */
  get size(): number {
    return this.#entries.size;
  }

  /** Whose key it is; undefined for one that is not known, has expired or was revoked. Throws `storage_failed`. */
  find(presented: string): Caller | undefined {
    const entry = this.#entries.get(hash('sha256', presented));
    if (entry === undefined || !this.#isUsable(entry)) return undefined;
    if (entry.isStored) this.#used.set(entry.caller.id!, this.#clock());
    return entry.caller;
  }

  /** The key of a session, by its id. */
  byId(id: string): Caller | undefined {
    for (const entry of this.#entries.values()) {
      if (entry.caller.id === id) return this.#isUsable(entry) ? entry.caller : undefined;
    }
    return undefined;
  }

  #isUsable(entry: Entry): boolean {
    if (!entry.isStored) return true;
    if (performance.now() - this.#lookedAt > staleAfterMs) throw stale();
    return entry.expiresAt > this.#clock();
  }

  /** Reads the store now; one look at a time. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  /** What was written just now is seen from here on. */
  async lookAnew(): Promise<void> {
    await this.#looking?.catch(() => {});
    await this.look();
  }

  begin(): void {
    this.#timer = setTimeout(() => {
      this.#lookAndTouch().finally(() => this.#timer !== undefined && this.begin());
    }, this.#options.lookEveryMs ?? 2_000).unref();
  }

  /** Writes down what was used since the last time. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#touch().catch(this.#options.onError);
  }

  async #look(): Promise<void> {
    const begunAt = performance.now();
    const stored = await this.#options.store.keys();
    const now = this.#clock();
    const entries = new Map(configuredEntries(this.#options.configured));
    for (const { id, name, scopes, sha256, expiresAt, revokedAt } of stored) {
      if (revokedAt !== null || (expiresAt !== null && expiresAt <= now)) continue;
      const caller: Caller = { kind: 'key', name, scopes, id };
      entries.set(sha256, { caller, expiresAt: expiresAt ?? Number.POSITIVE_INFINITY, isStored: true });
    }
    this.#entries = entries;
    this.#hasStored ||= stored.length > 0;
    this.#lookedAt = begunAt;
  }

  async #lookAndTouch(): Promise<void> {
    try {
      await this.look();
      if (performance.now() - this.#touchedAt >= touchEveryMs) await this.#touch();
      this.#failed = false;
    } catch (error) {
      // Said once, not every two seconds of an outage.
      if (!this.#failed) this.#options.onError(error);
      this.#failed = true;
    }
  }

  async #touch(): Promise<void> {
    const used = this.#used;
    this.#touchedAt = performance.now();
    if (used.size === 0) return;
    this.#used = new Map();
    await this.#options.store.touchKeys(used);
  }
}

function configuredEntries(configured: readonly ApiKey[]): Map<string, Entry> {
  const entries = configured.map(({ name, scopes, sha256 }): [string, Entry] => {
    const caller: Caller = { kind: 'key', name, scopes, id: `env:${name}` };
    return [sha256.toString('hex'), { caller, expiresAt: Number.POSITIVE_INFINITY, isStored: false }];
  });
  return new Map(entries);
}

const stale = () =>
  new SignalboxError(
    'storage_failed',
    'The keys have not been read for five minutes, because the store does not answer: nobody knows whether this one was revoked. Send the request again later.',
  );
