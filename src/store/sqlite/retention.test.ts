import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LiveRecord } from '../../record/live.ts';
import { Database } from '../../sqlite/database.ts';
import { Sweeper } from '../../sqlite/sweeper.ts';
import { aLife } from '../contract/life.ts';
import { recordRetention } from './retention.ts';
import { createSqliteStore } from './store.ts';

const dayMs = 86_400_000;

test('a conversation goes with its events when it was complete long ago; one that is not, or failed, stays', async (context) => {
  const database = new Database(':memory:');
  context.after(() => database.close());
  const store = createSqliteStore(database, new LiveRecord({ onError: () => {}, limit: 10 }));
  const [complete, open, failed, newest] = [aLife(), aLife(), aLife(), aLife()];
  await store.append(complete.facts);
  await store.append(open.facts.slice(0, 3));
  await store.append(failed.facts);
  await store.append(newest.facts);
  database.run(
    `UPDATE conversations SET status = 'delivery_failed' WHERE tracking_id = ?`,
    failed.trackingId,
  );
  const end = (await store.summary(complete.trackingId))!.completedAt!;
  const sweepAt = (now: number) => {
    const task = recordRetention({ keep: { all: 90 * dayMs, byType: {} }, clock: () => now });
    return new Sweeper({ database, tasks: [task] }).sweep();
  };
  assert.deepEqual(await sweepAt(end + 90 * dayMs - 1), { conversations: 0 });
  assert.deepEqual(await sweepAt(end + 90 * dayMs), { conversations: 1 });
  assert.deepEqual(await sweepAt(end + 900 * dayMs), { conversations: 0 });
  assert.equal(await store.summary(complete.trackingId), undefined);
  assert.deepEqual(await store.events(complete.trackingId), []);
  for (const { trackingId } of [open, failed, newest]) {
    assert.notEqual(await store.summary(trackingId), undefined);
    assert.notDeepEqual(await store.events(trackingId), []);
  }
});

test('a type with a time of its own goes by that', async (context) => {
  const database = new Database(':memory:');
  context.after(() => database.close());
  const store = createSqliteStore(database, new LiveRecord({ onError: () => {}, limit: 10 }));
  const types = ['general', 'deal_analysis', 'lead_analysis', 'general'] as const;
  const lives = types.map((webhookType) => aLife({ webhookType }));
  for (const life of lives) await store.append(life.facts);
  const end = (await store.summary(lives[0]!.trackingId))!.completedAt!;
  const keep = { all: 365 * dayMs, byType: { general: 30 * dayMs, lead_analysis: null } };
  const left = async (now: number) => {
    await new Sweeper({ database, tasks: [recordRetention({ keep, clock: () => now })] }).sweep();
    return (await store.conversations()).conversations.map((row) => row.webhookType).reverse();
  };
  assert.deepEqual(await left(end + 30 * dayMs - 1), types);
  assert.deepEqual(await left(end + 30 * dayMs), types.slice(1));
  // The newest stays, so that no number is given out twice.
  assert.deepEqual(await left(end + 9_000 * dayMs), ['lead_analysis', 'general']);
});
