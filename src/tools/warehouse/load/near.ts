/** Finding what was meant by a value that is written differently elsewhere. Only for reports: nothing is replaced. Pure. */

const legalForms =
  /\b(incorporated|inc|corporation|corp|company|co|limited|ltd|llc|llp|lp|plc|gmbh|mbh|ag|sa|sarl|sas|srl|spa|bv|nv|oy|ab|as|aps|kk|pty|pte|group|holding|holdings)\b/g;

const plain = (text: string): string => text.normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase();

/** Letters and digits alone. */
export const compact = (text: string): string => plain(text).replaceAll(/[^\p{L}\p{N}]/gu, '');

/** Without the legal form of a company. */
export function withoutLegalForm(text: string): string {
  const dotless = plain(text).replaceAll(/[.']/g, '');
  return compact(dotless.replaceAll(legalForms, '')) || compact(text);
}

/** Insertions, deletions, replacements and swaps of neighbours between two texts (optimal string alignment); over `limit`, `limit + 1`. */
export function editDistance(one: string, other: string, limit: number): number {
  if (Math.abs(one.length - other.length) > limit) return limit + 1;
  let before: number[] = [];
  let previous = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (let row = 1; row <= one.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= other.length; column += 1) {
      const same = one[row - 1] === other[column - 1];
      let cost = Math.min(
        (previous[column] as number) + 1,
        (current[column - 1] as number) + 1,
        (previous[column - 1] as number) + (same ? 0 : 1),
      );
      const swapped =
        row > 1 && column > 1 && one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1];
      if (swapped) cost = Math.min(cost, (before[column - 2] as number) + 1);
      current.push(cost);
    }
    if (Math.min(...current) > limit) return limit + 1;
    [before, previous] = [previous, current];
  }
  return Math.min(previous[other.length] as number, limit + 1);
}

/** How many slips of the finger a word of this length may have to count as the same. */
const tolerance = (length: number): number => (length >= 9 ? 2 : length >= 5 ? 1 : 0);

/** The same but for case, spaces and punctuation, or for the legal form, or for a slip; digits must agree. */
export function isNear(one: string, other: string): boolean {
  const [first, second] = [compact(one), compact(other)];
  if (first === second) return first !== '';
  if (first.replaceAll(/\D/g, '') !== second.replaceAll(/\D/g, '')) return false;
  if (withoutLegalForm(one) === withoutLegalForm(other)) return true;
  const limit = tolerance(Math.min(first.length, second.length));
  return limit > 0 && first[0] === second[0] && editDistance(first, second, limit) <= limit;
}

/** At most three of the names that a value may have been meant for. */
export function nearMatches(value: string, names: readonly string[]): readonly string[] {
  const near: string[] = [];
  for (const name of names) {
    if (Math.abs(name.length - value.length) <= 16 && isNear(value, name)) near.push(name);
    if (near.length === 3) break;
  }
  return near;
}

export interface CountedValue {
  readonly value: string;
  readonly count: number;
}

export interface SimilarValues {
  readonly usual: CountedValue;
  readonly unusual: CountedValue;
}

/** Rare values that look like another spelling of a frequent one. Single letters at the end (Plan A, Plan B) tell things apart. */
export function similarValues(values: readonly CountedValue[]): readonly SimilarValues[] {
  const byCount = [...values].sort((one, other) => other.count - one.count);
  return byCount.flatMap((unusual, at) => {
    const usual = byCount
      .slice(0, at)
      .find(
        (candidate) =>
          isNear(candidate.value, unusual.value) && !differByLabel(candidate.value, unusual.value),
      );
    return usual === undefined ? [] : [{ usual, unusual }];
  });
}

function differByLabel(one: string, other: string): boolean {
  const [first, second] = [one, other].map((text) => plain(text).trim().split(/\s+/)) as [string[], string[]];
  if (first.length !== second.length) return false;
  return first.some((word, at) => word !== second[at] && word.length <= 2 && (second[at]?.length ?? 0) <= 2);
}
