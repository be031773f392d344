/**
 * Who does what only one process may do at a time. A lease ends by itself, so that a process that dies holds nothing up; who has
 * had it does not learn that in time, and so what is done under it in the store is fenced: done in one transaction with a look at the
 * lease, or not at all.
 */
export interface Leases {
  /** Takes the lease of this name for so long, unless somebody has it. */
  take(name: string, ttlMs: number): Promise<Lease | undefined>;
}

export interface Lease {
  /** Greater than that of whoever had it before. */
  readonly fence: number;
  /** Has it for so long from now; false when somebody else has had it since. */
  renew(ttlMs: number): Promise<boolean>;
  /** Lets go of it; nobody gets it before so much time has gone by. */
  release(heldForMs?: number): Promise<void>;
}
