import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { beginningsOf } from './document.ts';

test('beginnings are those of three to six letters of every word, each once', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', 'é', '東', '😀'), minLength: 1, maxLength: 9 });
  fc.assert(
    fc.property(fc.array(word), fc.array(word), (question, answer) => {
      const all = [...question, ...answer].flatMap((each) =>
        [3, 4, 5, 6].filter((length) => length <= each.length).map((length) => each.slice(0, length)),
      );
      const found = beginningsOf({ question, answer, facets: [] });
      assert.deepEqual(found.toSorted(), [...new Set(all)].sort());
    }),
  );
});
