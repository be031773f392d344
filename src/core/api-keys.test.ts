import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { hashKey, mayDo, parseApiKeys } from './api-keys.ts';

const key = 'k'.repeat(20);

test('a list holds the key or its hash', () => {
  const hash = createHash('sha256').update(key).digest('hex');
  for (const entry of [`crm:ingest:${key}`, `crm:ingest:sha256=${hash}`]) {
    const keys = parseApiKeys(`ops:read+operate:${'o'.repeat(16)}, ${entry}`);
    assert.deepEqual([keys[1]?.name, keys[1]?.sha256], ['crm', hashKey(key)]);
  }
});

test('scopes: admin may do everything, operate may look, ingest only sends', () => {
  const may = (scope: string) => {
    const [found] = parseApiKeys(`a:${scope}:${key}`);
    return (['ingest', 'read', 'operate', 'admin'] as const).filter((wanted) => mayDo(found!, wanted));
  };
  assert.deepEqual(may('ingest'), ['ingest']);
  assert.deepEqual(may('operate'), ['read', 'operate']);
  assert.deepEqual(may('ingest+read'), ['ingest', 'read']);
  assert.deepEqual(may('admin'), ['ingest', 'read', 'operate', 'admin']);
});

test('what cannot be used is named without showing the key', () => {
  const cases: [string, RegExp][] = [
    [key, /Entry 1 .*colons/],
    [`${key}:ingest`, /Entry 1 .*colons/],
    [`crm:${key}`, /Entry 1 .*colons/],
    [`crm:send:${key}`, /Entry 1 .*scope that is none/],
    [`crm:ingest:short`, /Entry 1 .*16 to 256/],
    [`a b:ingest:${key}`, /no usable name/],
    [`crm:ingest:${key},crm:read:${key}`, /"crm" twice/],
    ['crm:ingest:sha256=abc', /64 hexadecimal/],
  ];
  for (const [text, message] of cases) {
    assert.throws(
      () => parseApiKeys(text),
      (error: Error) => message.test(error.message) && !error.message.includes(key),
      text,
    );
  }
});
