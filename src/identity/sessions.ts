import { randomBytes } from 'node:crypto';
import type { Identities, StoredSession } from '../store/identities.ts';
import type { Caller } from './caller.ts';
import type { KeyRing } from './key-ring.ts';
import { hexHash } from './keys.ts';

export interface SessionOptions {
  readonly store: Pick<Identities, 'putSession' | 'session' | 'touchSession' | 'deleteSession'>;
  readonly keys: Pick<KeyRing, 'byId'>;
  /** Milliseconds since the epoch. */
  readonly clock?: () => number;
  /** Without a request for so long it ends. Default: an hour. */
  readonly idleMs?: number;
  /** It ends after so long, whatever happens. Default: 12 hours. */
  readonly lifetimeMs?: number;
}

export interface BegunSession {
  /** For the cookie; only its hash is kept. */
  readonly token: string;
  readonly lifetimeMs: number;
  readonly caller: Caller;
}

const touchEveryMs = 60_000;

/**
 * Who has signed in with a browser. A session is in the store, so that it outlives a restart and every process knows it; it may
 * what its key may at the moment, and ends with it.
 */
export class Sessions {
  readonly #options: SessionOptions;
  readonly #clock: () => number;
  readonly #idleMs: number;
  readonly #lifetimeMs: number;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#clock = options.clock ?? Date.now;
    this.#idleMs = options.idleMs ?? 3_600_000;
    this.#lifetimeMs = options.lifetimeMs ?? 12 * 3_600_000;
  }

  /** Always under a new token; the session that the browser came with ends. */
  async begin(key: Caller, before: string | undefined): Promise<BegunSession> {
    const { store } = this.#options;
    if (before !== undefined) await store.deleteSession(hexHash(before));
    const token = randomBytes(32).toString('base64url');
    const now = this.#clock();
    const session: StoredSession = {
      ...{ sha256: hexHash(token), name: key.name, scopes: key.scopes, keyId: key.id },
      ...{ createdAt: now, seenAt: now, expiresAt: now + this.#lifetimeMs },
    };
    await store.putSession(session);
    return { token, lifetimeMs: this.#lifetimeMs, caller: asCaller(key, session) };
  }

  /** Whose session it is; undefined when there is none, or it has ended. */
  async find(token: string): Promise<Caller | undefined> {
    // Nothing that long is a token of ours, and nothing shorter.
    if (!/^[\w-]{43}$/.test(token)) return undefined;
    const session = await this.#options.store.session(hexHash(token));
    if (session === undefined) return undefined;
    const now = this.#clock();
    const key = session.keyId === null ? undefined : this.#options.keys.byId(session.keyId);
    if (key === undefined || now >= session.expiresAt || now >= session.seenAt + this.#idleMs) {
      await this.#options.store.deleteSession(session.sha256);
      return undefined;
    }
    if (now - session.seenAt >= touchEveryMs) await this.#options.store.touchSession(session.sha256, now);
    return asCaller(key, session);
  }

  async end(token: string): Promise<void> {
    await this.#options.store.deleteSession(hexHash(token));
  }
}

const asCaller = (key: Caller, { sha256 }: StoredSession): Caller => ({
  ...key,
  session: sha256.slice(0, 8),
});
