import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RefusedRequests, refusedRequest } from './failures.ts';

const minute = 60_000;

describe('refused requests', () => {
  test('five samples a minute, one spike a minute, two hundred samples a day, for each source', () => {
    const requests = new RefusedRequests();
    const notices = (source: string, count: number, now: number) => {
      const seen = { none: 0, sample: 0, spike: 0 };
      for (let index = 0; index < count; index++) seen[requests.count(source, now)]++;
      return [seen.sample, seen.spike];
    };
    assert.deepEqual(notices('a', 500, 0), [5, 1]);
    assert.deepEqual(notices('a', 500, minute - 1), [0, 0]);
    assert.deepEqual(notices('b', 3, minute - 1), [3, 0]);
    let [samples, spikes] = [5, 1];
    for (let at = 1; at < 24 * 60; at++) {
      const [some, peaks] = notices('a', 150, at * minute);
      samples += some!;
      spikes += peaks!;
    }
    assert.deepEqual([samples, spikes], [200, 24 * 60]);
    assert.deepEqual(notices('a', 5, 24 * 60 * minute), [5, 0]);
  });

  test('a sample keeps no value that may be a secret, and nothing of great length', () => {
    const headers = {
      'user-agent': 'x'.repeat(10_000),
      authorization: 'Bearer hush',
      'x-hub-signature-256': 'sha256=hush',
      'x-vendor-anything': 'hush',
      cookie: 'hush',
      ...Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`x-${index}`, 'hush'])),
    };
    const url = 'https://example.com/webhooks/crm?secret=hush';
    const body = Buffer.from('{"password":"hush"}');
    const kept = refusedRequest({ method: 'POST', url, headers, body }, 'mismatch', '192.0.2.1');
    const text = JSON.stringify(kept);
    assert.doesNotMatch(text, /hush/);
    assert.ok(text.length < 4_000, `${text.length} characters`);
    assert.deepEqual([kept.path, kept.bodySizeBytes, kept.from], ['/webhooks/crm', 19, '192.0.2.1']);
    assert.equal(kept.headers.authorization, null);
  });
});
