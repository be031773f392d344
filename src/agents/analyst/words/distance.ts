/**
 * The restricted Damerau–Levenshtein distance (optimal string alignment): insertions, deletions, substitutions and swaps of
 * neighbours count one each. Stops early and gives `limit + 1` when the distance is larger than `limit`.
 * Boytsov, Indexing methods for approximate dictionary searching, ACM JEA 16 (2011), section 2.2.
 */
export function distance(left: string, right: string, limit: number): number {
  if (Math.abs(left.length - right.length) > limit) return limit + 1;
  let beforeLast: number[] = [];
  let last = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let row = 1; row <= left.length; row++) {
    const current = nextRow(left, right, row, last, beforeLast);
    if (Math.min(...current) > limit) return limit + 1;
    beforeLast = last;
    last = current;
  }
  return Math.min(last[right.length] ?? 0, limit + 1);
}

function nextRow(left: string, right: string, row: number, last: number[], beforeLast: number[]): number[] {
  const current = [row];
  for (let column = 1; column <= right.length; column++) {
    const same = left[row - 1] === right[column - 1];
    let best = Math.min(
      (last[column] ?? 0) + 1,
      (current[column - 1] ?? 0) + 1,
      (last[column - 1] ?? 0) + (same ? 0 : 1),
    );
    if (row > 1 && left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1]) {
      best = Math.min(best, (beforeLast[column - 2] ?? 0) + 1);
    }
    current.push(best);
  }
  return current;
}

/** How many slips are forgiven in a word of this length: none in short words, where another word is as likely. */
export function slipsFor(length: number): number {
  if (length < 4) return 0;
  return length < 8 ? 1 : 2;
}
