import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import type { WithStore } from './contract.ts';

/** Leases and limits: what processes that share a store share besides. */
export function testSharing(withStore: WithStore): void {
  withStore(
    'gives a lease to one at a time, and to the next when it is let go of or has ended',
    async (under) => {
      const { leases: others = under.leases } = under.beside ?? {};
      const [first, second] = await Promise.all([
        under.leases.take('job', 60_000),
        others.take('job', 60_000),
      ]);
      assert.equal([first, second].filter(Boolean).length, 1, 'one of two has it');
      const lease = (first ?? second)!;
      assert.equal(await others.take('job', 60_000), undefined);
      assert.ok(await others.take('another', 60_000));
      assert.equal(await lease.renew(60_000), true);
      await lease.release();
      const next = (await others.take('job', 50))!;
      assert.ok(next.fence > lease.fence);
      assert.equal(await lease.renew(60_000), false, 'whoever had it before cannot renew it');
      await lease.release();
      const last = await until(() => under.leases.take('job', 60_000));
      assert.ok(last.fence > next.fence, 'it ends by itself');
      assert.equal(await next.renew(60_000), false);
      await last.release(60_000);
      assert.equal(await others.take('job', 60_000), undefined, 'it was held for a while');
    },
  );

  withStore('lets exactly so many requests of a name pass in a window, whoever asks', async (under) => {
    const { rateLimits: others = under.rateLimits } = under.beside ?? {};
    const limit = { count: 20, windowMs: 60_000 };
    const name = "crm'; --\0".repeat(500);
    const asked = Array.from({ length: 60 }, (_, n) => (n % 2 ? others : under.rateLimits).take(name, limit));
    const quotas = await Promise.all(asked);
    const passed = quotas.filter((quota) => quota.allowed);
    assert.equal(passed.length, 20);
    const remaining = passed.map((quota) => quota.remaining).sort((one, other) => one - other);
    assert.deepEqual(remaining, [...Array(20).keys()]);
    for (const { resetMs } of quotas) assert.ok(resetMs > 30_000 && resetMs <= 60_000, `${resetMs}`);
    assert.equal((await others.take(name, { count: 5, windowMs: 60_000 })).allowed, true, 'another limit');
    assert.equal((await others.take('erp', limit)).remaining, 19, 'another name');
  });

  withStore('begins a new window when one has ended', async ({ rateLimits }) => {
    const limit = { count: 1, windowMs: 300 };
    assert.equal((await rateLimits.take('crm', limit)).allowed, true);
    const again = await until(async () => {
      const quota = await rateLimits.take('crm', limit);
      return quota.allowed ? quota : undefined;
    });
    assert.equal(again.remaining, 0);
  });
}

async function until<T>(get: () => Promise<T | undefined>): Promise<T> {
  for (const end = Date.now() + 10_000; Date.now() < end; await pause(5)) {
    const found = await get();
    if (found !== undefined) return found;
  }
  throw new Error('It did not happen within 10 s.');
}
