import type { Transaction } from '../database.ts';

/**
 * A projection that is far behind, and that may look at events in any order and twice, goes on at the end of the log, and leaves a gap that is filled
 * from its newest events to its oldest. Resolves with whether it did so.
 */
export async function leap(
  sql: Transaction,
  { name, gap_to: gapTo }: { readonly name: string; readonly gap_to: number | null },
  leapEvents: number,
): Promise<boolean> {
  if (gapTo !== null) return false;
  const text = `UPDATE projections SET position = last.sequence, gap_after = position, gap_to = last.sequence
    FROM (SELECT max(sequence) AS sequence FROM events) AS last
    WHERE name = $1 AND last.sequence - position >= $2`;
  return (await sql.run(text, [name, leapEvents])) > 0;
}
