import assert from 'node:assert/strict';
import { uuidv7 } from '../../core/ids.ts';
import { event } from '../../record/events.ts';
import type { WithStore } from './contract.ts';
import { aLife } from './life.ts';

const now = 1_786_699_000_000;

/** What alarms remember and measure: what every store does about it. */
export function testAlarmRecords(withStore: WithStore): void {
  withStore('keeps what an alarm remembers, for whoever has read the latest of it', async (under) => {
    const { store, beside = store } = under;
    assert.deepEqual(await store.alarms(), []);
    assert.equal(await store.putAlarm('b', 0, { at: 1 }), true);
    assert.equal(await beside.putAlarm('b', 0, { at: 2 }), false, 'there is one already');
    assert.equal(await beside.putAlarm('c', 4, { at: 2 }), false, 'there is none of that revision');
    assert.equal(await beside.putAlarm('b', 1, { at: 3, text: "'é\u0007" }), true);
    assert.equal(await store.putAlarm('b', 1, { at: 4 }), false);
    await store.putAlarm('a', 0, {});
    assert.deepEqual(await beside.alarms(), [
      { name: 'a', revision: 1, state: {} },
      { name: 'b', revision: 2, state: { at: 3, text: "'é\u0007" } },
    ]);
    const asked = Array.from({ length: 8 }, (_, n) => (n % 2 ? store : beside).putAlarm('b', 2, { n }));
    assert.equal((await Promise.all(asked)).filter(Boolean).length, 1);
  });

  withStore('counts what ended since a time, and what of it failed', async ({ store }) => {
    const ever = now * 2;
    assert.deepEqual(await store.endings(0, ever), { total: 0, failed: 0, latestFailed: null });
    const [early, late, failing, unfinished] = [now, now + 1_000, now + 2_000, now + 3_000].map((at) =>
      aLife({ at }),
    );
    for (const life of [early!, late!]) await store.append(life.facts);
    await store.append(unfinished!.facts.slice(0, 3));
    const end = failing!.facts.at(-1)!;
    const data = { ...end.data, status: 'delivery_failed', deliveryStatus: 'failed' };
    await store.append([...failing!.facts.slice(0, 6), { ...end, data }]);
    const at = late!.facts.at(-1)!.at;
    const latestFailed = failing!.trackingId;
    assert.deepEqual(await store.endings(0, ever), { total: 3, failed: 1, latestFailed });
    assert.deepEqual(await store.endings(at, ever), { total: 2, failed: 1, latestFailed });
    assert.deepEqual(await store.endings(at + 1, ever), { total: 1, failed: 1, latestFailed });
    // What a clock that was ahead has left is not of this time.
    assert.deepEqual(await store.endings(0, at), { total: 2, failed: 0, latestFailed: null });
  });

  withStore('says since when the oldest waits, is worked on, or is to be delivered', async ({ store }) => {
    assert.equal(await store.oldest('queued'), undefined);
    const lives = [now + 5, now, now + 9].map((at) => aLife({ at }));
    for (const life of lives) await store.append(life.facts.slice(0, 1));
    const [waiting, first] = [lives[0]!.trackingId, lives[1]!.trackingId];
    assert.deepEqual(await store.oldest('queued'), { trackingId: first, at: now });
    await store.append(lives[1]!.facts.slice(1, 2));
    assert.deepEqual(await store.oldest('queued'), { trackingId: waiting, at: now + 5 });
    assert.deepEqual(await store.oldest('processing'), { trackingId: first, at: now });
    await store.append(lives[1]!.facts.slice(2, 5));
    assert.equal(await store.oldest('processing'), undefined);
    assert.deepEqual(await store.oldest('delivering'), { trackingId: first, at: now });
    await store.append(lives[1]!.facts.slice(5));
    assert.equal(await store.oldest('delivering'), undefined);
  });

  withStore('counts floods of refused webhooks since a time', async ({ store }) => {
    for (const at of [now, now + 1, now + 2]) {
      const data = { source: 'crm', count: 100, windowMs: 60_000 };
      await store.append([{ ...event('INBOUND_REQUESTS_REFUSED', 'source:crm', data), id: uuidv7(), at }]);
    }
    assert.deepEqual(
      [await store.floods(0), await store.floods(now + 1), await store.floods(now + 3)],
      [3, 2, 0],
    );
  });
}
