/**
 * The objects port: files by key, written whole. For exports, analyses and execution logs.
 *
 * A key is a relative path of 1 to 1,024 bytes in segments of letters, digits and `._-=+@:,`, separated by `/`; no segment
 * is `.`, `..` or empty. Anything else is refused with `invalid_request`. An object that exists is replaced; a reader
 * sees the old one or the new one, never a part. What `put` has resolved for survives a crash.
 */
export interface Objects {
  put(key: string, body: string | Uint8Array, options?: PutOptions): Promise<void>;

  /** Undefined when there is none. */
  get(key: string): Promise<Buffer | undefined>;

  /** What is not there is deleted already. */
  delete(key: string): Promise<void>;

  /** The keys that begin with `prefix`, in order, at most `limit` (default 1,000). */
  list(prefix: string, limit?: number): Promise<readonly string[]>;

  /** Where people find an object: a URL. */
  location(key: string): string;
}

export interface PutOptions {
  readonly contentType?: string;
}
