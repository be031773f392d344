/**
 * Words as the search knows them: runs of letters and digits in lower case and without marks, so that "Café" is found by "cafe". Scripts that
 * put no spaces between words (Chinese, Japanese, Thai and others) count each character as a word; a run of them in a query is a phrase.
 * Stores are given words, not text, so that all of them find the same.
 */
export interface Word {
  readonly text: string;
  /** Where it is in the text it came from, in UTF-16 code units. */
  readonly start: number;
  readonly end: number;
}

/** Longer ones are cut, when they are looked for as well. */
const longestWord = 64;

const unspaced = String.raw`\p{Script=Han}\p{scx=Hira}\p{scx=Kana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}`;
const pattern = new RegExp(String.raw`[${unspaced}]\p{M}*|[[\p{L}\p{N}\p{M}]--[${unspaced}]]+`, 'gv');

/** The words of a text, at most `limit`. */
export function wordsOf(text: string, limit = Number.POSITIVE_INFINITY): Word[] {
  const words: Word[] = [];
  for (const found of text.matchAll(pattern)) {
    if (words.length >= limit) break;
    const folded = fold(found[0]);
    if (folded !== '') words.push({ text: folded, start: found.index, end: found.index + found[0].length });
  }
  return words;
}

function fold(word: string): string {
  const lower = word.toLowerCase();
  // What is a letter by another name, such as ℕ, becomes one by NFKD, and may be a capital then.
  const plain = isPlain.test(lower)
    ? lower
    : lower
        .normalize('NFKD')
        .toLowerCase()
        .replace(/[^\p{L}\p{N}]+/gu, '');
  if (plain.length <= longestWord) return plain;
  return plain.slice(0, longestWord).replace(/[\uD800-\uDBFF]$/, '');
}

const isPlain = /^[a-z0-9]*$/;

/** Whether a character is a word by itself. */
export const isUnspaced = (word: string): boolean => new RegExp(`^[${unspaced}]`, 'v').test(word);
