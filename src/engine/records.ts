import { setTimeout as delay } from 'node:timers/promises';
import { SignalboxError } from '../core/errors.ts';

/**
 * Small JSON documents beside journals that are kept elsewhere: runs as lists show them, the inboxes of signals, idempotency keys.
 * Each is changed alone, and only by who has seen its latest version, so that any store with conditional writes can keep them.
 * Throws `storage_failed` when they cannot be read or written now.
 */
export interface Records {
  read(key: string): Promise<StoredRecord | undefined>;

  /**
   * Writes a document if its version is still that one; 0 stands for one that is not there. Returns whether it was written:
   * also false when it was, and the answer got lost on the way. Who has to know whose a document is sees it in the document.
   */
  write(key: string, version: number, value: unknown, place?: Place): Promise<boolean>;

  /** Removes a document if its version is still that one; returns whether it did. */
  remove(key: string, version: number): Promise<boolean>;

  /** Those of a list whose keys come before `before`, the last key first. Keys are in the order of their bytes. */
  list(list: string, limit: number, before?: string): Promise<readonly StoredRecord[]>;

  /** Those of a list whose keys come after `after`, the first key first. */
  listFrom(list: string, limit: number, after?: string): Promise<readonly StoredRecord[]>;

  /** Those that have to be looked at by now, the one that waits longest first. */
  due(now: number, limit: number): Promise<readonly StoredRecord[]>;
}

/** Where a document stands from now on. */
export interface Place {
  /** The list that it is in; without it, in none. */
  readonly list?: string;
  /** When somebody has to look whether it is still needed, in milliseconds since the epoch. */
  readonly dueAt?: number;
}

export interface StoredRecord {
  readonly key: string;
  readonly version: number;
  readonly value: unknown;
}

export interface Change<T> extends Place {
  readonly value: T;
}

/**
 * Changes a document as `decide` says, which is asked again when somebody else was faster; undefined leaves it as it is.
 * Returns what stands there afterwards.
 */
export async function change<T>(
  records: Records,
  key: string,
  decide: (present: T | undefined) => Change<T> | undefined,
): Promise<T | undefined> {
  for (let attempt = 1; attempt <= mostAttempts; attempt++) {
    const stored = await records.read(key);
    const present = stored?.value as T | undefined;
    const next = decide(present);
    if (next === undefined) return present;
    if (await records.write(key, stored?.version ?? 0, next.value, next)) return next.value;
    await delay(Math.random() * Math.min(50, attempt));
  }
  throw new SignalboxError(
    'storage_failed',
    `The record ${key} was changed by others ${mostAttempts} times in a row; try again.`,
  );
}

const mostAttempts = 200;

/** Writes a document that is not there yet; returns what stands there, and whether it was written now. */
export async function create<T>(
  records: Records,
  key: string,
  value: T,
  place?: Place,
): Promise<{ value: T; created: boolean }> {
  for (;;) {
    if (await records.write(key, 0, value, place)) return { value, created: true };
    const stored = await records.read(key);
    if (stored !== undefined) return { value: stored.value as T, created: false };
  }
}
