import assert from 'node:assert/strict';
import { test } from 'node:test';
import { overall } from '../routes/health.ts';
import { HealthCheck } from './check.ts';
import { type HealthSources, healthProbes, type Sight } from './parts.ts';

const well: Sight = { status: 'HEALTHY', detail: 'Well.' };
const probe = (name: string, look: () => Promise<Sight>, essential = false) => ({ name, essential, look });

test('a part that hangs is told in time, is asked once, and holds up no other', async () => {
  const hanging = Promise.withResolvers<Sight>();
  let asked = 0;
  const check = new HealthCheck(
    [
      probe('hangs', () => {
        asked += 1;
        return hanging.promise;
      }),
      probe('well', async () => well),
    ],
    { timeoutMs: 30, keepMs: 0 },
  );
  for (let round = 0; round < 3; round++) {
    const begun = performance.now();
    const [first, second] = await check.parts();
    assert.ok(performance.now() - begun < 1_000);
    assert.equal(first?.status, 'DOWN');
    assert.match(first.detail, /^It has not answered for \d+\.\d s\.$/);
    assert.equal(second?.status, 'HEALTHY');
  }
  assert.equal(asked, 1);
  hanging.resolve(well);
  await hanging.promise;
  assert.equal((await check.parts())[0]?.status, 'HEALTHY');
});

test('who asks at the same time, or a moment later, is answered with the same look', async () => {
  let looks = 0;
  const check = new HealthCheck([
    probe('counted', async () => {
      looks += 1;
      return well;
    }),
  ]);
  await Promise.all(Array.from({ length: 50 }, () => check.parts()));
  await check.parts();
  assert.equal(looks, 1);
});

test('a part that throws is down, with what it says', async () => {
  const check = new HealthCheck([
    probe('throws', async () => {
      throw new Error('no connection');
    }),
  ]);
  assert.deepEqual(await check.parts(), [
    { name: 'throws', essential: false, status: 'DOWN', detail: 'no connection' },
  ]);
});

test('down is over degraded is over healthy, and what is not essential takes nothing down', () => {
  const part = (status: 'HEALTHY' | 'DEGRADED' | 'DOWN', essential: boolean) => ({
    ...{ name: 'x', detail: '', status, essential },
  });
  assert.equal(overall([part('HEALTHY', true), part('HEALTHY', false)]), 'HEALTHY');
  assert.equal(overall([part('HEALTHY', true), part('DOWN', false)]), 'DEGRADED');
  assert.equal(overall([part('DEGRADED', true), part('DEGRADED', false)]), 'DEGRADED');
  assert.equal(overall([part('DEGRADED', false), part('DOWN', true)]), 'DOWN');
});

const sources: HealthSources = {
  record: { problem: async () => undefined },
  engine: { stats: () => ({ queued: 0, inBackground: 20, running: 0, resident: 0 }) },
  queueLimit: 10,
  readObjects: async () => [],
  workspace: { prepared: Promise.resolve(), describe: async () => ({ tables: [{ rowCount: 3 }] }) },
  agent: { recentFailures: () => ({ agent: 'analyst', asked: 0, failed: 0, inARow: 0 }) },
  store: { disabledEndpoints: async () => [] },
  breakers: { open: () => [] },
  freeBytes: async () => 1e12,
};

async function statuses(change: Partial<HealthSources>): Promise<Record<string, string>> {
  const parts = await new HealthCheck(healthProbes({ ...sources, ...change })).parts();
  return Object.fromEntries(parts.map(({ name, status }) => [name, status]));
}

test('each part can be well and not well', async () => {
  const allWell = await statuses({});
  assert.deepEqual(Object.keys(allWell), [
    'storage',
    'engine',
    'objects',
    'warehouse',
    'agent',
    'delivery',
    'disk',
  ]);
  assert.deepEqual([...new Set(Object.values(allWell))], ['HEALTHY']);
  const broken = async () => {
    throw new Error('broken');
  };
  const away = (isUsable: boolean) => ({ issuer: 'a', problem: 'Its keys cannot be read.', isUsable });
  const failed = (failuresInARow: number) => ({ place: 'slack', failuresInARow, lastError: 'no' });
  const changes: readonly (readonly [string, string, Partial<HealthSources>])[] = [
    ['storage', 'DOWN', { record: { problem: async () => new Error('full') } }],
    [
      'engine',
      'DEGRADED',
      { engine: { stats: () => ({ queued: 6, inBackground: 0, running: 0, resident: 0 }) } },
    ],
    [
      'engine',
      'DOWN',
      { engine: { stats: () => ({ queued: 10, inBackground: 0, running: 0, resident: 0 }) } },
    ],
    ['objects', 'DOWN', { readObjects: broken }],
    ['objects', 'DOWN', { objectsProblem: () => new Error('no bucket') }],
    ['warehouse', 'DOWN', { workspace: { prepared: Promise.resolve(), describe: broken } }],
    ['warehouse', 'DEGRADED', { workspace: { prepared: new Promise(() => {}), describe: broken } }],
    [
      'agent',
      'DEGRADED',
      { agent: { recentFailures: () => ({ agent: 'a', asked: 5, failed: 3, inARow: 3, lastError: 'no' }) } },
    ],
    ['delivery', 'DEGRADED', { breakers: { open: () => [{ url: 'http://u:p@x/?t=1', state: 'open' }] } }],
    ['agent', 'DOWN', { reachAgent: broken }],
    [
      'identity',
      'DEGRADED',
      { integrations: { issuers: async () => [away(true), { issuer: 'b', isUsable: true }] } },
    ],
    ['identity', 'DOWN', { integrations: { issuers: async () => [away(false)] } }],
    ['notifications', 'DEGRADED', { integrations: { notifications: () => [failed(3)] } }],
    ['notifications', 'HEALTHY', { integrations: { notifications: () => [failed(2)] } }],
    ['traces', 'DEGRADED', { integrations: { collectorProblem: () => 'It answered 400' } }],
    ['traces', 'HEALTHY', { integrations: { collectorProblem: () => undefined } }],
    ['disk', 'DEGRADED', { freeBytes: async () => 1_000_000 }],
    ['disk', 'DOWN', { freeBytes: broken }],
  ];
  for (const [name, status, change] of changes) {
    const seen = await statuses(change);
    assert.equal(seen[name], status, `${name} ${status}`);
    const others = Object.entries(seen).filter(([other]) => other !== name);
    assert.ok(
      others.every(([, other]) => other === 'HEALTHY'),
      name,
    );
  }
});
