import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { highlight } from './highlight.ts';
import { parseSearch } from './query.ts';

const shown = (text: string, query: string) =>
  highlight(text, parseSearch(query)).map((parts) =>
    parts.map((part) => (part.match ? `[${part.text}]` : part.text)).join(''),
  );

test('what was looked for is marked, as it was written', () => {
  assert.deepEqual(shown('The Deal is closed-won!', '"closed won" deal'), ['The [Deal] is [closed-won]!']);
  assert.deepEqual(shown('Customers of Café Zürich', 'custom* cafe'), ['[Customers] of [Café] Zürich']);
  assert.deepEqual(shown('closed and won', '"closed won"'), []);
  assert.deepEqual(shown('won, not lost', 'won -lost'), ['[won], not lost']);
});

test('of a long text the places that match are shown, two at most', () => {
  const filler = Array.from({ length: 40 }, (_, n) => `w${n}`).join(' ');
  const found = shown(`${filler} here ${filler} here ${filler} here`, 'here');
  assert.equal(found.length, 2);
  assert.match(found[0]!, /^… w28 .* w39 \[here\] w0 .* w11 …$/);
});

test('nothing is shown twice where two places are near each other', () => {
  const words = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, n) => `w${from + n}`).join(' ');
  assert.deepEqual(shown(`here ${words(0, 15)} here ${words(15, 30)}`, 'here'), [
    `[here] ${words(0, 12)} …`,
    `… ${words(12, 15)} [here] ${words(15, 27)} …`,
  ]);
});

test('parts put together are the text', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('ab', 'a', 'Ab ', '. ', 'b'), { maxLength: 20 }), (pieces) => {
      const text = pieces.join('');
      for (const parts of highlight(text, parseSearch('ab'))) {
        assert.equal(parts.map((part) => part.text).join(''), text);
      }
    }),
  );
});
