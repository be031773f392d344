import type { SearchQuery, Term } from './query.ts';
import { type Word, wordsOf } from './words.ts';

/** A stretch of a text, and whether it is what was looked for. */
export interface Part {
  readonly text: string;
  readonly match: boolean;
}

/** Words that are looked through, of one text. */
const wordsAtMost = 5_000;
/** Words around a match. */
const around = 12;
const fragmentsAtMost = 2;

/** The places of a text that match, each with some words around it; empty when none does. */
export function highlight(text: string, query: SearchQuery): Part[][] {
  const words = wordsOf(text, wordsAtMost);
  const matches = matchesIn(words, query.terms);
  const fragments: Part[][] = [];
  for (let next = 0; fragments.length < fragmentsAtMost; ) {
    const at = matches.indexOf(true, next);
    if (at < 0) break;
    const [first, last] = [Math.max(next, at - around), Math.min(words.length - 1, at + around)];
    fragments.push(fragment(text, words, matches, first, last));
    next = last + 1;
  }
  return fragments;
}

/** Which words are part of what was looked for. */
function matchesIn(words: readonly Word[], terms: readonly Term[]): boolean[] {
  const matches = words.map(() => false);
  for (const term of terms) {
    for (let at = 0; at + term.words.length <= words.length; at++) {
      if (isAt(words, at, term)) matches.fill(true, at, at + term.words.length);
    }
  }
  return matches;
}

function isAt(words: readonly Word[], at: number, { words: wanted, isPrefix }: Term): boolean {
  return wanted.every((word, n) => {
    const found = words[at + n]!.text;
    return isPrefix && n === wanted.length - 1 ? found.startsWith(word) : found === word;
  });
}

function fragment(
  text: string,
  words: readonly Word[],
  matches: readonly boolean[],
  first: number,
  last: number,
): Part[] {
  const parts: Part[] = [];
  const add = (part: string, match: boolean) => {
    if (part !== '') parts.push({ text: part, match });
  };
  const end = last === words.length - 1 ? text.length : words[last]!.end;
  let from = first === 0 ? 0 : words[first]!.start;
  if (first > 0) add('… ', false);
  for (let at = first; at <= last; at++) {
    if (!matches[at]) continue;
    let to = at;
    while (to < last && matches[to + 1]) to++;
    add(text.slice(from, words[at]!.start), false);
    add(text.slice(words[at]!.start, words[to]!.end), true);
    from = words[to]!.end;
    at = to;
  }
  add(text.slice(from, end), false);
  if (last < words.length - 1) add(' …', false);
  return parts;
}
