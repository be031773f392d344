import type { WriteSql } from '../../../sqlite/database.ts';

interface Place {
  readonly name: string;
  readonly position: number;
  readonly gap_to: number | null;
}

/**
 * A projection that is far behind, and that may look at events in any order, goes on at the end of the log, and leaves a gap that is filled from its
 * newest events to its oldest. Returns whether it did so.
 */
export function leap(
  sql: WriteSql,
  { name, position, gap_to: gapTo }: Place,
  last: number,
  leapEvents: number,
): boolean {
  if (gapTo !== null || last - position < leapEvents) return false;
  const text = 'UPDATE projections SET position = ?, gap_after = ?, gap_to = ? WHERE name = ?';
  sql.run(text, last, position, last, name);
  return true;
}
