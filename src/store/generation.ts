/** One of the two sets of rows of a projection that follows the log. */
export interface Generation {
  readonly generation: number;
  /** The key of the hashes that it has in the place of words; null where they are as they are. */
  readonly keyId: string | null;
}
