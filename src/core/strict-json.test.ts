import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { depthLimit, parseStrictJson, parseWebhookJson } from './strict-json.ts';

const refuses = (text: string | Buffer, message: RegExp) =>
  assert.throws(() => parseStrictJson(Buffer.from(text as string)), { code: 'malformed_request', message });

test('whatever JSON.stringify writes comes back as JSON.parse reads it', () => {
  fc.assert(
    fc.property(fc.json({ noUnicodeString: false } as never), (text) => {
      assert.deepEqual(parseStrictJson(Buffer.from(text)), JSON.parse(text));
    }),
  );
});

test('a number that is none once it is read is refused', () => {
  refuses('{"a":[1e999]}', /number that is too large/);
  refuses('-1e400', /number that is too large/);
});

test('a name that comes twice is refused by name, at any depth and however it is spelt', () => {
  refuses('{"query":"a","query":"b"}', /"query" comes twice/);
  refuses('{"a":[{"b":{"c":1,"c":2}}]}', /"c" comes twice/);
  refuses('{"query":1,"qu\\u0065ry":2}', /"query" comes twice/);
  refuses('{"__proto__":1,"__proto__":2}', /"__proto__" comes twice/);
  assert.deepEqual(parseStrictJson(Buffer.from('[{"a":":"},{"a":"{\\":"}]')), [{ a: ':' }, { a: '{":' }]);
});

test('deep nesting, bad UTF-8, an empty body and broken JSON each say what they are', () => {
  refuses('['.repeat(depthLimit + 1) + ']'.repeat(depthLimit + 1), /nested deeper than 64/);
  refuses('['.repeat(1_000_000), /nested deeper/);
  refuses(Buffer.from([0x22, 0xc3, 0x28, 0x22]), /not valid UTF-8/);
  refuses('', /empty/);
  refuses('{"a":', /not valid JSON/);
  refuses('{"a":1}}', /not valid JSON/);
  refuses('"unclosed', /not valid JSON/);
});

test('__proto__ stays a plain member', () => {
  const value = parseStrictJson(Buffer.from('{"__proto__":{"admin":true}}')) as Record<string, unknown>;
  assert.equal(Object.getPrototypeOf(value), Object.prototype);
  assert.equal(value.admin, undefined);
});

test('half a character is refused, and replaced in what other systems write', () => {
  const body = (text: string) => Buffer.from(`{"a":["${text}"],"b":1}`);
  assert.throws(() => parseStrictJson(body('x\\ud800y')), {
    code: 'malformed_request',
    message: /half of a surrogate pair/,
  });
  assert.throws(() => parseStrictJson(Buffer.from('{"\\udc00":1}')), { code: 'malformed_request' });
  assert.deepEqual(parseWebhookJson(body('x\\ud800y')), { a: ['x\ufffdy'], b: 1 });
  const whole = body('\\ud83d\\ude00 \\\\ud800');
  assert.deepEqual(parseStrictJson(whole), { a: ['\u{1f600} \\ud800'], b: 1 });
  assert.deepEqual(parseWebhookJson(body('\\ud83d\\ude00 \\\\ud800 \\udfff')), {
    a: ['\u{1f600} \\ud800 \ufffd'],
    b: 1,
  });
});
