import { setTimeout as delay } from 'node:timers/promises';
import { SignalboxError } from '../../core/errors.ts';

/**
 * Small JSON documents beside the journals of AWS: runs as lists show them, the inboxes of signals, idempotency keys. Each is
 * changed alone, and only by who has seen its latest version, so that any store with conditional writes can keep them.
 * Throws `storage_failed` when they cannot be read or written now.
 */
export interface Records {
  read(key: string): Promise<StoredRecord | undefined>;

  /**
   * Writes a document if its version is still that one; 0 stands for one that is not there. Returns whether it was written.
   * `list` is the list that the document is in from now on; without it, in none.
   */
  write(key: string, version: number, value: unknown, list?: string): Promise<boolean>;

  /** Those of a list whose keys come before `before`, the last key first. */
  list(list: string, limit: number, before?: string): Promise<readonly StoredRecord[]>;
}

export interface StoredRecord {
  readonly key: string;
  readonly version: number;
  readonly value: unknown;
}

export interface Change<T> {
  readonly value: T;
  readonly list?: string;
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
    if (await records.write(key, stored?.version ?? 0, next.value, next.list)) return next.value;
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
  list?: string,
): Promise<{ value: T; created: boolean }> {
  for (;;) {
    if (await records.write(key, 0, value, list)) return { value, created: true };
    const stored = await records.read(key);
    if (stored !== undefined) return { value: stored.value as T, created: false };
  }
}
