import { type DimensionName, dimensions, type Grain, grains } from '../semantic-layer/dimensions.ts';
import { type MeasureName, measures } from '../semantic-layer/measures.ts';
import { createNearWords } from './near-words.ts';
import { type Concept, phrases } from './phrases.ts';
import { allTimeWords } from './time-words.ts';
import { keyOf, stem } from './tokens.ts';

/** Everything that a phrase may mean; a phrase may mean several things ("lead" is an entity and a measure). */
export type Meaning =
  | Concept
  | { readonly kind: 'measure'; readonly value: MeasureName }
  | { readonly kind: 'dimension'; readonly value: DimensionName }
  | { readonly kind: 'grain'; readonly value: Grain };

const meanings = new Map<string, Meaning[]>();
/** The words of the lexicon: what is not among them is a name, or misspelt. */
const words = new Set<string>();

function learn(phrase: string, meaning: Meaning): void {
  const key = keyOf(phrase);
  const known = meanings.get(key);
  if (known) known.push(meaning);
  else meanings.set(key, [meaning]);
  for (const word of key.split(' ')) words.add(word);
}

/** Labels that are words of their own meaning: "deals" and "won" are no measure. */
const bareLabels: ReadonlySet<MeasureName> = new Set(['closed_won', 'deal_count']);

for (const each of measures)
  for (const phrase of bareLabels.has(each.name) ? each.words : [each.label, ...each.words])
    learn(phrase, { kind: 'measure', value: each.name });
for (const each of dimensions)
  for (const phrase of [each.label, ...each.words]) learn(phrase, { kind: 'dimension', value: each.name });
for (const value of grains)
  for (const phrase of [value, `${value}ly`]) learn(phrase, { kind: 'grain', value });
for (const [phrase, concept] of phrases) learn(phrase, concept);
for (const word of allTimeWords) words.add(stem(word));

export const longestPhrase = Math.max(...[...meanings.keys()].map((key) => key.split(' ').length));

const near = createNearWords(words);

export function meaningsOf(key: string): readonly Meaning[] {
  return meanings.get(key) ?? [];
}

export function isLexiconWord(word: string): boolean {
  return words.has(word);
}

/** The only word of the lexicon that `word` may be a misspelling of. */
export function correct(word: string): string | undefined {
  if (word.length < 4 || /\d/.test(word)) return undefined;
  const found = near.find(word);
  return found.length === 1
    ? found[0]
    : found.find((each) => each[0] === word[0] && each.length >= word.length);
}
