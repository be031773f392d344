import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonicalJson, canonicalJsonOfText } from './canonical-json.ts';

test('the order of members does not count, everything else does', () => {
  assert.equal(canonicalJson({ b: 1, a: [2, { d: null, c: 'x' }] }), '{"a":[2,{"c":"x","d":null}],"b":1}');
  assert.notEqual(canonicalJson([1, 2]), canonicalJson([2, 1]));
  assert.notEqual(canonicalJson({ a: '1' }), canonicalJson({ a: 1 }));
});

test('it is JSON of the same value, and canonical already', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = canonicalJson(value);
      assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(value)));
      assert.equal(canonicalJson(JSON.parse(text)), text);
    }),
  );
});

test('of a text: every digit of a number counts, how it is written does not', () => {
  const same = (left: string, right: string) => canonicalJsonOfText(left) === canonicalJsonOfText(right);
  assert.ok(!same('{"id":9007199254740993}', '{"id":9007199254740992}'));
  assert.ok(!same('[0.1000000000000000055]', '[0.1]'));
  assert.ok(!same('1e-400', '2e-400') && !same('-12345678901234567890', '12345678901234567890'));
  assert.ok(same('{"b":9007199254740993,"a":1}', ' {"a":1.0, "b":9007199254740993.00}'));
  assert.ok(same('123456789012345678900', '1234567890123456789e2'));
  assert.ok(same('[0.000000000000000000000,-0e5]', '[0,0]'));
  assert.ok(same('{"__proto__":{"b":1,"a":2}}', '{"__proto__":{"a":2,"b":1}}'));
});

test('of a text that a double holds, it is the canonical JSON of the value', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      assert.equal(canonicalJsonOfText(JSON.stringify(value)), canonicalJson(value));
    }),
  );
});
