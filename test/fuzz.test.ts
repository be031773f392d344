import assert from 'node:assert/strict';
import { test } from 'node:test';
import { faultsOf, runCampaign } from './fuzz/campaign.ts';

/** A part of what `npm run fuzz` does, with another seed each time. */
test('no request makes the server fail, end, or tell what it must not', async (t) => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  t.diagnostic(`seed ${seed}`);
  const { statuses, failure } = await runCampaign({ cases: 400, seed });
  assert.equal(failure, undefined, `npm run fuzz -- --seed ${seed}\n${failure}`);
  // It is no use when nothing gets through.
  const taken = [200, 400, 404].filter((status) => (statuses[status] ?? 0) > 0);
  assert.deepEqual(taken, [200, 400, 404], JSON.stringify(statuses));
});

test('what must not be is seen', () => {
  const head = 'x-content-type-options: nosniff\r\n';
  assert.deepEqual(faultsOf(`HTTP/1.1 200 OK\r\n${head}\r\n{}`), []);
  assert.deepEqual(faultsOf(`HTTP/1.1 503 X\r\nRetry-After: 1\r\n${head}\r\n{}`), []);
  const wrong = [
    `HTTP/1.1 500 X\r\n${head}\r\n{}`,
    `HTTP/1.1 503 X\r\n${head}\r\n{}`,
    `HTTP/1.1 200 X\r\n${head}\r\nError\n    at f (/x/src/a.ts:1:2)`,
    `HTTP/1.1 200 X\r\n${head}\r\nfuzz-admin-key-0123456789`,
    `HTTP/1.1 200 X\r\n${head}X-Injected: 1\r\n\r\n`,
    'HTTP/1.1 200 X\r\n\r\n',
    'nothing',
  ];
  for (const answer of wrong) assert.equal(faultsOf(answer).length >= 1, true, answer);
});
