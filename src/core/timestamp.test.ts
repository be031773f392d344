import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseTimestamp } from './timestamp.ts';

test('reads what toISOString writes, and offsets', () => {
  const date = fc.date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true });
  fc.assert(fc.property(date, (at) => assert.equal(parseTimestamp(at.toISOString()), at.getTime())));
  assert.equal(parseTimestamp('2026-08-14T11:18:33+02:00'), Date.parse('2026-08-14T09:18:33Z'));
  assert.equal(parseTimestamp('2026-08-14T00:18:33.5-0530'), Date.parse('2026-08-14T05:48:33.500Z'));
  assert.equal(parseTimestamp('2026-08-14T09:18:33.123456789Z'), Date.parse('2026-08-14T09:18:33.123Z'));
  assert.equal(parseTimestamp('2026-08-14t09:18z'), Date.parse('2026-08-14T09:18:00Z'));
});

test('refuses what has no zone, no such day or another form', () => {
  const refused = [
    '2026-08-14T09:18:33',
    '2026-08-14',
    '2026-02-30T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-08-14T24:00:00Z',
    '2026-08-14T09:18:60Z',
    '2026-08-14 09:18:33Z',
    'yesterday',
    '1786699113',
    '',
    '2026-08-14T09:18:33+25:00',
  ];
  for (const text of refused) assert.equal(parseTimestamp(text), undefined, text);
});
