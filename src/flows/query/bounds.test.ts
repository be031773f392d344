import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { boundedAnswer, boundedText, textLimitBytes } from './bounds.ts';

const jsonBytes = (value: unknown) => Buffer.byteLength(JSON.stringify(value));

test('a text that fits stays as it is; a longer one fits, and says that it was shortened', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 3_000 }), (text) => {
      const bounded = boundedText(text, 1_000);
      if (jsonBytes(text) <= 1_000) assert.equal(bounded, text);
      else {
        assert.ok(jsonBytes(bounded) <= 1_000);
        assert.match(bounded, new RegExp(`Shortened: the whole answer has ${text.length} characters`));
        assert.ok(text.startsWith(bounded.slice(0, bounded.lastIndexOf('\n\n['))));
      }
    }),
  );
  assert.doesNotMatch(boundedText('😀'.repeat(2_000), 1_001), /\\ud83d\n/);
});

test('an answer of any size fits the journal', () => {
  const huge = { text: '\u0001'.repeat(50_000) };
  const answer = boundedAnswer({
    markdown: '"'.repeat(1_000_000),
    plain: 'ü'.repeat(1_000_000),
    understood: true,
    toolCalls: Array.from({ length: 500 }, () => ({ tool: 'sql', input: huge, output: huge, durationMs: 1 })),
  });
  assert.ok(jsonBytes(answer.markdown) <= textLimitBytes && jsonBytes(answer.plain) <= textLimitBytes);
  assert.ok(jsonBytes(answer) < 256 * 1024 - 70_000);
  assert.equal(answer.toolCalls.length, 100);
});
