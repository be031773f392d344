import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { wordsOf } from './words.ts';

const texts = (text: string) => wordsOf(text).map((word) => word.text);

test('words are letters and digits, in lower case and without marks', () => {
  assert.deepEqual(texts('Deal-status for Café №42, won!'), ['deal', 'status', 'for', 'cafe', '42', 'won']);
  assert.deepEqual(texts("O'Brien's a_b x.y@z.com"), ['o', 'brien', 's', 'a', 'b', 'x', 'y', 'z', 'com']);
  assert.deepEqual(texts('ÅNGSTRÖM Straße İstanbul ﬁn'), ['angstrom', 'straße', 'istanbul', 'fin']);
  assert.deepEqual(texts('ℕ 𝐀bc ᴬx ＤＥ'), ['n', 'abc', 'ax', 'de']);
  assert.deepEqual(texts('東京タワー2本 ภาษา'), [
    '東',
    '京',
    'タ',
    'ワ',
    'ー',
    '2',
    '本',
    'ภ',
    'า',
    'ษ',
    'า',
  ]);
  assert.deepEqual(texts('🚆 — … \u0301'), []);
  assert.deepEqual(texts('x'.repeat(100)), ['x'.repeat(64)]);
  assert.equal(wordsOf('a b c', 2).length, 2);
});

test('a word says where it is, and is a word again', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
      let end = 0;
      for (const word of wordsOf(text)) {
        assert.ok(word.start >= end && word.end > word.start && word.end <= text.length);
        end = word.end;
        assert.match(word.text, /^[\p{L}\p{N}]+$/u);
        assert.deepEqual(texts(word.text).join(''), word.text);
      }
    }),
  );
});
