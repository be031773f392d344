import { distance, slipsFor } from './distance.ts';

/** How many words one look-up compares with at most. */
const maxCompared = 5_000;

/** Words that can be found by a misspelt one: kept by length with first and with last letter, so a look-up compares few. */
export interface NearWords {
  add(word: string): void;
  has(word: string): boolean;
  /** The known words nearest to `word` within the slips that are forgiven; all those equally near. */
  find(word: string): readonly string[];
}

export function createNearWords(words: Iterable<string> = []): NearWords {
  const known = new Set<string>();
  const buckets = new Map<string, string[]>();
  const put = (key: string, word: string) => {
    const bucket = buckets.get(key);
    if (bucket) bucket.push(word);
    else buckets.set(key, [word]);
  };
  const add = (word: string) => {
    if (known.has(word) || word.length < 3) return;
    known.add(word);
    put(`${word[0]}${word.length}`, word);
    put(`${word.length}${word.at(-1)}`, word);
  };
  for (const word of words) add(word);
  return { add, has: (word) => known.has(word), find: (word) => nearest(word, candidates(buckets, word)) };
}

function* candidates(buckets: ReadonlyMap<string, readonly string[]>, word: string): Generator<string> {
  const slips = slipsFor(word.length);
  let compared = 0;
  for (let length = word.length - slips; length <= word.length + slips; length++) {
    for (const key of [`${word[0]}${length}`, `${length}${word.at(-1)}`]) {
      for (const candidate of buckets.get(key) ?? []) {
        if (++compared > maxCompared) return;
        yield candidate;
      }
    }
  }
}

function nearest(word: string, words: Iterable<string>): readonly string[] {
  let limit = slipsFor(word.length);
  const found = new Set<string>();
  if (limit === 0 || word.length > 40) return [];
  for (const candidate of words) {
    if (isAnotherShortWord(word, candidate)) continue;
    const slips = distance(word, candidate, limit);
    if (slips > limit) continue;
    if (slips < limit) found.clear();
    limit = slips;
    found.add(candidate);
  }
  return [...found];
}

/** Among words of four letters another consonant makes another word ("love" is not "lose"); another vowel may be a slip. */
function isAnotherShortWord(word: string, candidate: string): boolean {
  if (word.length > 4 || candidate.length !== word.length) return false;
  const differing = [...word].flatMap((letter, at) => (letter === candidate[at] ? [] : [at]));
  const [at = 0] = differing;
  const isVowel = (letter: string | undefined) => letter !== undefined && 'aeiouy'.includes(letter);
  return differing.length === 1 && !(isVowel(word[at]) && isVowel(candidate[at]));
}
