import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { serialize } from './serialize.ts';

test('every JSON value comes back unchanged', () => {
  fc.assert(
    fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
      assert.deepEqual(JSON.parse(serialize(value, 'value')!), JSON.parse(JSON.stringify(value)));
    }),
  );
});

test('undefined has no text; undefined properties are left out', () => {
  assert.equal(serialize(undefined, 'value'), undefined);
  assert.equal(serialize({ a: undefined, b: 1 }, 'value'), '{"b":1}');
});

test('what would not come back is refused with its place', () => {
  const cycle: unknown[] = [];
  cycle.push({ again: cycle });
  const values: [unknown, RegExp][] = [
    [1n, /the value has a bigint;/i],
    [{ a: [0, Number.NaN] }, /NaN at \/a\/1/],
    [{ a: Number.POSITIVE_INFINITY }, /Infinity at \/a/],
    [{ when: new Date(0) }, /a Date at \/when/],
    [[undefined], /undefined in an array at \/0/],
    [{ f() {} }, /a function at \/f/],
    [cycle, /a cycle at \/0\/again/],
    [new Map(), /a Map/],
    [Symbol('s'), /a symbol/],
  ];
  for (const [value, message] of values) {
    assert.throws(() => serialize(value, 'value'), { code: 'result_not_json', message });
  }
});

test('the same object twice is no cycle', () => {
  const shared = { n: 1 };
  assert.equal(serialize([shared, shared], 'value'), '[{"n":1},{"n":1}]');
});
