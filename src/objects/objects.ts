/**
 * The objects port: files by key, written whole. For exports, analyses, execution logs and large values of runs.
 *
 * A key is a relative path of 1 to 1,024 bytes in segments of letters, digits and `._-=+@:,`, separated by `/`; no segment
 * is `.`, `..` or empty. Anything else is refused with `invalid_request`. An object that exists is replaced; a reader
 * sees the old one or the new one, never a part. What `put` has resolved for survives a crash. Where the objects can't be reached,
 * everything rejects with `storage_failed`, after attempts for a bounded time.
 */
export interface Objects {
  /**
   * Rejects with `object_changed` when `expects` is not what is there. Of any number of writers that expect the same, one
   * gets through. After `storage_failed` the object may have been written or not.
   */
  put(key: string, body: string | Uint8Array, options?: PutOptions): Promise<void>;

  /** Undefined when there is none. */
  get(key: string): Promise<Buffer | undefined>;

  /** An object with its version, for a `put` that replaces this one and no other. Undefined when there is none. */
  read(key: string): Promise<StoredObject | undefined>;

  /** What is not there is deleted already. */
  delete(key: string): Promise<void>;

  /** The keys that begin with `prefix`, in order, at most `limit` (default 1,000). */
  list(prefix: string, limit?: number): Promise<readonly string[]>;

  /** Where people find an object: a URL. */
  location(key: string): string;
}

export interface PutOptions {
  readonly contentType?: string;
  /** Write only over the object of this version, or, with null, only where there is none. */
  readonly expects?: string | null;
}

export interface StoredObject {
  readonly body: Buffer;
  /** Another one after each write. */
  readonly version: string;
}

/** What keeps objects from being used. */
export interface ObjectsProblem {
  readonly message: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
}
