import type { ConversationStatus } from '../record/events.ts';

type Counts = Partial<Record<ConversationStatus, number>>;

const keptMs = 10_000;
const keptFrom = 100_000;

/**
 * Counting reads an index from end to end: 40 ms for a million conversations in a file, 140 to 430 ms in PostgreSQL. So large counts are kept for ten
 * seconds, and whoever asks while they are read is told the same.
 */
export function rememberingCounts(read: () => Promise<Counts>): () => Promise<Counts> {
  let kept: { readonly counts: Promise<Counts>; until: number } | undefined;
  return () => {
    if (kept !== undefined && performance.now() < kept.until) return kept.counts;
    const reading = { counts: read(), until: Number.POSITIVE_INFINITY };
    kept = reading;
    reading.counts.then(
      (counts) => {
        const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
        reading.until = total > keptFrom ? performance.now() + keptMs : 0;
      },
      () => {
        reading.until = 0;
      },
    );
    return reading.counts;
  };
}
