import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { type System, type SystemOptions, startSystem } from '../../../test/fixtures/conversations.ts';
import { until } from '../../../test/fixtures/until.ts';
import { SignalboxError } from '../../core/errors.ts';
import { GuardedObjects } from '../../objects/guarded.ts';

const systems: System[] = [];
afterEach(async () => {
  for (const system of systems.splice(0)) await system.close();
});

async function start(options: SystemOptions): Promise<System> {
  const system = await startSystem({ exports: true, ...options });
  systems.push(system);
  return system;
}

/** The exported files, once there are all of them and the export has ended. */
async function exported({ engine, objects }: System): Promise<string[]> {
  await until(
    async () => (await engine.list({ flow: 'export' })).runs,
    (runs) => runs.length > 0 && runs.every(({ status }) => status === 'succeeded'),
  );
  const keys = await objects.list('conversation-history/');
  return Promise.all(keys.map(async (key) => (await objects.get(key))!.toString()));
}

test('a conversation that is erased while its files are on their way leaves none of its content in them', async () => {
  let erasures = 0;
  const system = await start({
    before: (objects, store) => ({
      ...objects,
      async put(key, body, options) {
        if (key.endsWith('/conversation.json') && erasures++ === 0) {
          const trackingId = JSON.parse(String(body)).conversation.metadata.tracking_id;
          await store.erase(trackingId, { runId: 'run', by: 'me', at: Date.now() });
        }
        await objects.put(key, body, options);
      },
    }),
  });
  await system.completed(await system.ask('What is the deal status for IXIS?'));
  const files = await exported(system);
  assert.equal(files.length, 4);
  assert.ok(erasures > 1, 'it was written again');
  for (const file of files) assert.doesNotMatch(file, /IXIS|Answer/);
});

test('a delivery that is cancelled ends the conversation, which is exported', async () => {
  const endpoints = { defaultUrl: 'http://127.0.0.1:9/', defaultSchedule: [60_000] };
  const system = await start({ endpoints });
  const trackingId = await system.ask();
  const [delivery] = await until(
    async () => (await system.engine.list({ flow: 'delivery', status: 'waiting' })).runs,
    (runs) => runs.length === 1,
  );
  await system.engine.cancel(delivery!.runId, 'no longer wanted');
  assert.equal((await system.completed(trackingId)).status, 'delivery_failed');
  const files = await exported(system);
  assert.equal(files.length, 4);
  assert.ok(files.every((file) => file.includes('delivery_failed')));
});

test('exports wait for objects that are away, without an attempt and outside of memory, and all come when they are back', async () => {
  let isAway = true;
  let puts = 0;
  const system = await start({
    before: (objects) =>
      new GuardedObjects(
        {
          ...objects,
          async put(key, body, options) {
            if (isAway) puts++;
            if (isAway) throw new SignalboxError('storage_failed', 'The objects are away.');
            await objects.put(key, body, options);
          },
        },
        { name: 'here', timeoutMs: 2_000 },
      ),
  });
  const count = 40;
  const trackingIds = await Promise.all(Array.from({ length: count }, () => system.ask()));
  for (const trackingId of trackingIds) await system.completed(trackingId);
  const { runs } = await until(
    () => system.engine.list({ flow: 'export', limit: 100 }),
    (page) => page.runs.length === count && page.runs.every(({ status }) => status === 'waiting'),
  );
  // Those that were under way when it was noticed, of which each writes four files.
  assert.ok(puts <= 8 * 4, `${puts} were tried`);
  const history = await system.engine.history(runs[0]!.runId);
  assert.deepEqual(
    history.map(({ name, attempts }) => [name, attempts]),
    [
      ['export', 1],
      ['objects are away', 0],
    ],
  );
  isAway = false;
  assert.equal((await exported(system)).length, 4 * count);
});
