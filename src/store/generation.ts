import type { ProjectionName } from '../record/projections.ts';

/** One of the two sets of rows of a projection that follows the log. */
export interface Generation {
  readonly generation: number;
  /** The key of the hashes that it has in the place of words; null where they are as they are. */
  readonly keyId: string | null;
}

/** How far a projection is, as its row has it. */
export interface StateRow {
  readonly name: ProjectionName;
  readonly generation: number;
  readonly position: number;
  readonly next_position: number | null;
  readonly changed: number;
  /** The events between are looked at later than those behind them. */
  readonly gap_after: number | null;
  readonly gap_to: number | null;
  /** The key of the hashes that each of the two generations has; null for words as they are. */
  readonly key_id: string | null;
  readonly next_key_id: string | null;
}

/** Whether what is searched is under a key, or is it and nothing is left of what was searched before. */
export type SearchMove = 'other' | 'emptying' | 'moved';
