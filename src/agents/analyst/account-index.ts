import { createNearWords, type NearWords } from './words/near-words.ts';
import { keyOf } from './words/tokens.ts';

/** Companies of the same name but for case and legal form: entered twice, or written differently. */
export interface AccountGroup {
  readonly name: string;
  readonly ids: readonly string[];
  readonly names: readonly string[];
}

export interface AccountMatch {
  /** The name was given in full, but for case, punctuation and legal form. */
  readonly certainty: 'exact' | 'partial' | 'spelling';
  readonly groups: readonly AccountGroup[];
}

/** Finds accounts by the names that people type, without a scan: by whole name, by words of it, by words nearly like them. */
export interface AccountIndex {
  /** The whole name, as a key of tokens.ts. */
  exact(key: string): AccountGroup | undefined;
  hasWord(word: string): boolean;
  /** By some of its words, or misspelt ones; the best first, at most ten. */
  search(words: readonly string[]): AccountMatch | undefined;
  /** Names that look a little like it, for "did you mean". */
  near(words: readonly string[]): readonly string[];
  readonly size: number;
}

const legalForms = new Set(
  'inc incorporated llc ltd limited gmbh ag corp corporation co company plc sa sas sarl bv nv oy ab asa aps kk pty srl spa kg lp llp group holding'.split(
    ' ',
  ),
);

/** A word that so many accounts have says nothing about which one is meant. */
const maxPosting = 500;
const maxFound = 10;

export function withoutLegalForm(key: string): string {
  const words = key.split(' ');
  while (words.length > 1 && legalForms.has(words.at(-1) ?? '')) words.pop();
  return words.join(' ');
}

export function createAccountIndex(accounts: Iterable<readonly [id: string, name: string]>): AccountIndex {
  const groups = new Map<string, { name: string; ids: string[]; names: string[] }>();
  for (const [id, name] of accounts) {
    const key = withoutLegalForm(keyOf(name));
    if (key === '') continue;
    const group = groups.get(key);
    if (!group) groups.set(key, { name, ids: [id], names: [name] });
    else {
      group.ids.push(id);
      group.names.push(name);
    }
  }
  const postings = postingsOf(groups);
  const near = createNearWords(postings.keys());
  const compact = new Map([...groups].map(([key, group]) => [key.replaceAll(' ', ''), group]));
  const exact = (key: string) =>
    groups.get(withoutLegalForm(key)) ?? compact.get(withoutLegalForm(key).replaceAll(' ', ''));
  return {
    exact,
    hasWord: (word) => postings.has(word),
    search: (words) => search({ exact, postings, near }, words),
    near: (words) => nearNames(postings, near, words),
    size: groups.size,
  };
}

type Postings = ReadonlyMap<string, readonly AccountGroup[]>;

interface Indexes {
  readonly exact: (key: string) => AccountGroup | undefined;
  readonly postings: Postings;
  readonly near: NearWords;
}

function postingsOf(groups: ReadonlyMap<string, AccountGroup>): Postings {
  const postings = new Map<string, AccountGroup[]>();
  for (const [key, group] of groups) {
    for (const word of new Set(key.split(' '))) {
      const posting = postings.get(word);
      if (!posting) postings.set(word, [group]);
      else if (posting.length < maxPosting) posting.push(group);
    }
  }
  return postings;
}

function search(indexes: Indexes, words: readonly string[]): AccountMatch | undefined {
  const whole = indexes.exact(words.join(' '));
  if (whole) return { certainty: 'exact', groups: [whole] };
  const partial = havingAll(indexes.postings, words);
  if (partial.length > 0) return { certainty: 'partial', groups: partial.slice(0, maxFound) };
  const corrected = words.map((word) =>
    indexes.postings.has(word) ? word : (indexes.near.find(word)[0] ?? word),
  );
  const spelt = indexes.exact(corrected.join(' '));
  const groups = spelt ? [spelt] : havingAll(indexes.postings, corrected);
  return groups.length > 0 ? { certainty: 'spelling', groups: groups.slice(0, maxFound) } : undefined;
}

function havingAll(postings: Postings, words: readonly string[]): readonly AccountGroup[] {
  const meant = words.filter((word) => !legalForms.has(word));
  const lists = meant.map((word) => postings.get(word) ?? []);
  const shortest = lists.toSorted((left, right) => left.length - right.length)[0] ?? [];
  if (shortest.length >= maxPosting) return [];
  return shortest.filter((group) => lists.every((list) => list.length >= maxPosting || list.includes(group)));
}

function nearNames(postings: Postings, near: NearWords, words: readonly string[]): readonly string[] {
  const names = new Set<string>();
  for (const word of words) {
    const likely = postings.has(word) ? [word] : near.find(word);
    for (const group of likely.flatMap((each) => postings.get(each)?.slice(0, 3) ?? []))
      names.add(group.name);
  }
  return [...names].slice(0, 5);
}
