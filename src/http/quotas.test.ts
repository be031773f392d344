import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestApp, question } from '../../test/fixtures/app.ts';

/** Fifty senders at once, each its next request as soon as the last is answered. Many processes on one store: `store/contract/sharing.ts`. */
test('of many senders at once exactly as many get through as the limit says, each told what is left', async () => {
  const count = 200;
  const app = await createTestApp({ rateLimit: { count, windowMs: 600_000 }, queueLimit: 10_000 });
  const left: number[] = [];
  let refused = 0;
  const send = async (): Promise<void> => {
    const { status, headers } = await app.ask(question({ source_system: 'crowd' }));
    const [, remaining, seconds] = /^"source";r=(\d+);t=(\d+)$/.exec(String(headers.ratelimit))!;
    assert.equal(headers['ratelimit-policy'], `"source";q=${count};w=600`);
    assert.ok(Number(seconds) <= 600);
    if (status === 202) left.push(Number(remaining));
    else {
      assert.deepEqual([status, remaining], [429, '0']);
      assert.ok(Number(headers['retry-after']) >= 1 && Number(headers['retry-after']) <= 600);
      refused++;
    }
  };
  await Promise.all(
    Array.from({ length: 50 }, async () => {
      for (let sent = 0; sent < 6; sent++) await send();
    }),
  );
  assert.deepEqual([left.length, refused], [count, 300 - count]);
  assert.deepEqual(
    left.sort((a, b) => a - b),
    Array.from({ length: count }, (_, at) => at),
  );
  assert.equal((await app.ask(question({ source_system: 'another' }))).status, 202);
});

test('a system is the same however it is written, and no key uses up what another one sends for it', async () => {
  const [one, other] = ['1'.repeat(20), '2'.repeat(20)];
  const app = await createTestApp({
    rateLimit: { count: 2, windowMs: 60_000 },
    apiKeys: `one:ingest:${one},other:ingest:${other}`,
  });
  const send = (system: string, key: string) =>
    app.ask(question({ source_system: system }), { 'x-api-key': key });
  assert.equal((await send('CRM', one)).headers.ratelimit, '"source";r=1;t=60, "key";r=1;t=60');
  assert.equal((await send('crm ', one)).headers.ratelimit, '"source";r=0;t=60, "key";r=0;t=60');
  assert.equal((await send('crm', one)).status, 429);
  assert.equal((await send('crm', other)).headers.ratelimit, '"source";r=1;t=60, "key";r=1;t=60');
});

test('without keys a system is the same however it is written', async () => {
  const app = await createTestApp({ rateLimit: { count: 2, windowMs: 60_000 } });
  const statuses = [];
  for (const system of ['CRM', ' crm', 'Crm', 'erp']) {
    statuses.push((await app.ask(question({ source_system: system }))).status);
  }
  assert.deepEqual(statuses, [202, 202, 429, 202]);
});
