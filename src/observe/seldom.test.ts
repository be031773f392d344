import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seldom } from './seldom.ts';

test('what comes again and again is said once in a while, with how often it came', () => {
  const said: [string, number][] = [];
  let now = 0;
  const say = seldom<string>(
    (latest, times) => void said.push([latest, times]),
    10_000,
    () => now,
  );
  for (; now < 25_000; now += 1_000) say(`at ${now}`);
  now = 100_000;
  say('late');
  assert.deepEqual(said, [
    ['at 0', 1],
    ['at 10000', 10],
    ['at 20000', 10],
    ['late', 5],
  ]);
});
