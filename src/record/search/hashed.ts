import { SignalboxError } from '../../core/errors.ts';
import type { SearchDocument } from './document.ts';
import type { SearchQuery, Term } from './query.ts';

/** What stands in the index for a word. */
export type HashWord = (word: string) => string;

/** A document with hashes in the places of its words, so that phrases are found by them too. */
export function hashedDocument(document: SearchDocument, hash: HashWord): SearchDocument {
  const { question, answer, facets } = document;
  return { question: question.map(hash), answer: answer.map(hash), facets };
}

/** The query for such documents. Throws `invalid_request` for the beginning of a word, of which a hash says nothing. */
export function hashedQuery({ terms, without }: SearchQuery, hash: HashWord): SearchQuery {
  const prefix = [...terms, ...without].find((term) => term.isPrefix);
  if (prefix !== undefined) throw wholeWordsOnly(prefix);
  const hashed = (term: Term): Term => ({ ...term, words: term.words.map(hash) });
  return { terms: terms.map(hashed), without: without.map(hashed) };
}

function wholeWordsOnly({ words }: Term): SignalboxError {
  const message = `has "${words.join(' ')}*", and with the data encrypted only whole words are found; leave the asterisk out`;
  return new SignalboxError('invalid_request', `The search ${message}.`, {
    fields: [{ path: 'q', message }],
  });
}
