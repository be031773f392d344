import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SignalboxError } from '../../core/errors.ts';
import { parseSearch, type Term } from './query.ts';

const shown = (terms: readonly Term[]) =>
  terms.map(({ words, isPrefix }) => words.join(' ') + (isPrefix ? '*' : ''));
const parsed = (text: string) => {
  const { terms, without } = parseSearch(text);
  return [shown(terms), shown(without)];
};

test('words, phrases, beginnings, and what must not be there', () => {
  assert.deepEqual(parsed('Deal STATUS'), [['deal', 'status'], []]);
  assert.deepEqual(parsed('"closed won" -lost'), [['closed won'], ['lost']]);
  assert.deepEqual(parsed('custom* -"not this" -pre*'), [['custom*'], ['not this', 'pre*']]);
  assert.deepEqual(parsed('"closed won*"* acme.com foo-bar'), [['closed won*', 'acme com', 'foo bar'], []]);
  assert.deepEqual(parsed('never "closed'), [['never', 'closed'], []]);
  assert.deepEqual(parsed('“curly quotes” a"b c"'), [['curly quotes', 'a', 'b c'], []]);
  assert.deepEqual(parsed('AND OR NOT NEAR(a b) col:x'), [['and', 'or', 'not', 'near a', 'b', 'col x'], []]);
  assert.deepEqual(parsed('東京* - x'), [['東 京', 'x'], []]);
});

test('what leaves nothing to look for, or is too much, is refused with the reason', () => {
  const refused = (text: string, reason: RegExp) =>
    assert.throws(
      () => parseSearch(text),
      (error) =>
        error instanceof SignalboxError && error.code === 'invalid_request' && reason.test(error.message),
      text,
    );
  refused('', /no word to look for/);
  refused(' "" * -- ***', /no word to look for/);
  refused('-lost', /name a word that is/);
  refused('ab*', /at least 3 letters/);
  refused('x'.repeat(501), /501 characters/);
  refused('x '.repeat(41), /41 words/);
});

test('any text is a query or refused', () => {
  const piece = fc.oneof(
    fc.constantFrom('"', '-', '*', '(', ')', ':', "'", '\\', '^', 'NOT ', ' ', 'ab', 'word'),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      try {
        const { terms, without } = parseSearch(pieces.join(''));
        for (const { words } of [...terms, ...without]) {
          for (const word of words) assert.match(word, /^[\p{L}\p{N}]+$/u);
        }
      } catch (error) {
        assert.equal((error as SignalboxError).code, 'invalid_request');
      }
    }),
    { numRuns: 500 },
  );
});
