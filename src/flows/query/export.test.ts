import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { type System, type SystemOptions, startSystem } from '../../../test/fixtures/conversations.ts';
import { until } from '../../../test/fixtures/until.ts';

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
