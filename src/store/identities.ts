import type { Scope } from '../core/api-keys.ts';
import { SignalboxError } from '../core/errors.ts';

/**
 * The part of the store that knows who may call. Whatever lets somebody in is kept as its SHA-256 alone: who reads the
 * store, a backup or a replica can call nothing with it. A plain SHA-256 is enough, because what is hashed is 256 random bits:
 * nobody can try them all, however fast the hash is, so a slow one would only slow down the requests.
 */
export interface Identities {
  /**
   * Keeps a new key. Returns false, and changes nothing, when the name is that of another key that was not revoked.
   * Throws `conflict` when there are as many keys as there may be.
   */
  putKey(key: StoredKey): Promise<boolean>;

  /** All, also expired and revoked ones, newest first. */
  keys(): Promise<readonly StoredKey[]>;

  /** The first time counts. Returns the key, undefined when there is none of that id. */
  revokeKey(id: string, revokedAt: number): Promise<StoredKey | undefined>;

  /** Remembers when keys were last used; an earlier time than the one that is known changes nothing. */
  touchKeys(usedAt: ReadonlyMap<string, number>): Promise<void>;

  putSession(session: StoredSession): Promise<void>;

  /** Also one that is past its time: whoever asks decides. */
  session(sha256: string): Promise<StoredSession | undefined>;

  /** Remembers when it was last used. */
  touchSession(sha256: string, seenAt: number): Promise<void>;

  /** Returns whether there was one. */
  deleteSession(sha256: string): Promise<boolean>;

  /**
   * Remembers, until it expires, that a token was used. Returns false when it was before; of calls at once, in whichever
   * process, one is told true.
   */
  useToken(id: string, expiresAt: number, now: number): Promise<boolean>;
}

/** Times are milliseconds since the epoch. */
export interface StoredKey {
  /** What the key begins with, by which people recognise it: `sb_` and eight characters. */
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** Hexadecimal. */
  readonly sha256: string;
  readonly createdAt: number;
  /** Who made it. */
  readonly createdBy: string;
  readonly expiresAt: number | null;
  readonly revokedAt: number | null;
  /** To the minute. */
  readonly lastUsedAt: number | null;
}

/** Somebody who signed in with a browser. */
export interface StoredSession {
  /** Of the cookie, hexadecimal. */
  readonly sha256: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** The key that it was begun with, and ends with: its id, or `env:` and the name of one of `SIGNALBOX_API_KEYS`. Null after a token. */
  readonly keyId: string | null;
  readonly createdAt: number;
  readonly seenAt: number;
  readonly expiresAt: number;
}

/** What is kept of keys that nobody can use any more, so that the audit's names can be looked up. */
export const deadKeysKeptMs = 400 * 86_400_000;
export const keyLimit = 2_000;

export const tooManyKeys = () =>
  new SignalboxError(
    'conflict',
    `There are ${keyLimit} keys, which is as many as there may be. Those that were revoked or have expired go after ${deadKeysKeptMs / 86_400_000} days.`,
  );
