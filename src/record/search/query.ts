import { SignalboxError } from '../../core/errors.ts';
import { isUnspaced, wordsOf } from './words.ts';

/** Words that follow each other; of the last one the beginning may be enough. */
export interface Term {
  readonly words: readonly string[];
  readonly isPrefix: boolean;
}

/** Conversations that have all of the ones and none of the others. There is at least one of the first. */
export interface SearchQuery {
  readonly terms: readonly Term[];
  readonly without: readonly Term[];
}

export const searchLimits = { characters: 500, words: 40, prefix: 3 } as const;

/** A minus, then something in quotation marks (to the end when they are not closed) or without spaces, then an asterisk. */
const pattern = /(-?)(?:["“”]([^"“”]*)["“”]?|([^\s"“”]+?))(\*?)(?=\s|["“”]|-["“”]|$)/g;

/**
 * Reads what a person typed: `words`, `"a phrase"`, `begin*`, each with `-` before it for what must not be there. All else that is neither
 * letter nor digit only parts words: `acme.com` is the phrase "acme com". Throws `invalid_request` for what leaves nothing to look for
 * or is too much; there is no other text that it refuses.
 */
export function parseSearch(text: string): SearchQuery {
  if (text.length > searchLimits.characters) {
    throw refused(`has ${text.length} characters; at most ${searchLimits.characters} are allowed`);
  }
  const [terms, without]: [Term[], Term[]] = [[], []];
  for (const [, minus, quoted, bare, star] of text.matchAll(pattern)) {
    const term = termOf(quoted ?? bare ?? '', star === '*');
    if (term !== undefined) (minus === '-' ? without : terms).push(term);
  }
  const count = [...terms, ...without].reduce((sum, term) => sum + term.words.length, 0);
  if (count > searchLimits.words) {
    throw refused(`has ${count} words; at most ${searchLimits.words} are allowed`);
  }
  if (terms.length === 0) {
    throw refused(
      without.length === 0
        ? 'has no word to look for'
        : 'says only what must not be there; name a word that is',
    );
  }
  return { terms, without };
}

function termOf(text: string, hasStar: boolean): Term | undefined {
  const words = wordsOf(text).map((word) => word.text);
  const last = words.at(-1);
  if (last === undefined) return undefined;
  const isPrefix = hasStar && !isUnspaced(last);
  if (isPrefix && last.length < searchLimits.prefix) {
    throw refused(`has "${last}*"; at least ${searchLimits.prefix} letters are needed before an asterisk`);
  }
  return { words, isPrefix };
}

function refused(message: string): SignalboxError {
  return new SignalboxError('invalid_request', `The search ${message}.`, {
    fields: [{ path: 'q', message }],
  });
}
