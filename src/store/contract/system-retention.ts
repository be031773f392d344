import assert from 'node:assert/strict';
import { uuidv7 } from '../../core/ids.ts';
import type { StampedFact } from '../../engine/engine.ts';
import { actEndFact, actFact } from '../../record/acts.ts';
import { event } from '../../record/events.ts';
import type { WithStore } from './contract.ts';
import { aLife } from './life.ts';

const day = 86_400_000;
const begin = 1_786_699_100_000;
const forEver = { audit: null, refusals: null, triggers: null };

/** How long what is of no conversation is kept: what every store does about it. */
export function testSystemRetention(withStore: WithStore): void {
  withStore('removes acts, refusals and triggers, each after its time', async (under) => {
    const { store, sweepSystemEvents } = under;
    const days = Array.from({ length: 10 }, (_, index) => begin + index * day);
    await store.append(days.flatMap(actAt));
    await store.append(days.map(refusalAt));
    const ended = days.map((at) => ({ at, life: aLife() }));
    for (const { at, life } of ended) await store.append([...life.facts, ...triggerAt(at, life.trackingId)]);
    const now = days.at(-1)!;
    assert.deepEqual(await sweepSystemEvents(forEver, now), {});
    const keep = { audit: 7 * day, refusals: 4 * day, triggers: 8 * day };
    assert.deepEqual(await sweepSystemEvents(keep, now), { audit: 6, refusals: 6, triggers: 4 });
    assert.deepEqual(await sweepSystemEvents(keep, now), { audit: 0, refusals: 0, triggers: 0 });
    const { acts } = await store.acts();
    assert.deepEqual(acts.map(({ at }) => at).reverse(), days.slice(3));
    assert.ok(acts.every(({ end }) => end?.outcome === 'done'));
    const refusals = await store.events('refused-requests:crm');
    assert.deepEqual(
      refusals.map(({ at }) => at),
      days.slice(6),
    );
    const left = async (at: number) =>
      (await store.events(`execution:${ended[days.indexOf(at)]!.life.trackingId}`)).length;
    assert.deepEqual([await left(days[1]!), await left(days[2]!)], [0, 1]);
    for (const { life } of ended)
      assert.equal((await store.events(life.trackingId)).length, life.facts.length);
  });

  withStore('keeps how an execution began until its conversation is complete', async (under) => {
    const { store, sweepSystemEvents } = under;
    const lives = Array.from({ length: 4 }, () => aLife());
    for (const life of lives)
      await store.append([...life.facts.slice(0, 4), ...triggerAt(begin, life.trackingId)]);
    const done = lives[2]!;
    await store.append(done.facts);
    // What was written last stays in a file.
    await store.append([refusalAt(begin)]);
    const keep = { ...forEver, triggers: 7 * day };
    assert.deepEqual(await sweepSystemEvents(keep, begin + 70 * day), { triggers: 2 });
    for (const { trackingId } of lives) {
      const kept = trackingId === done.trackingId ? 0 : 1;
      assert.equal((await store.events(`execution:${trackingId}`)).length, kept);
      assert.equal((await store.events(`execution:named-${trackingId}`)).length, kept);
    }
  });
}

function actAt(at: number): StampedFact[] {
  const act = { act: 'runs.cancel', target: null, actor: 'ops', actorKind: 'key', actorId: null } as const;
  const begun = actFact({ ...act, session: null, address: null, route: null }, at);
  return [begun, actEndFact(begun.id, { outcome: 'done', status: 200, code: null }, at)];
}

function refusalAt(at: number): StampedFact {
  const fact = event('INBOUND_REQUEST_REFUSED', 'refused-requests:crm', {
    ...{ source: 'crm', name: 'crm', because: 'mismatch', from: '203.0.113.7', method: 'POST' },
    ...{ path: '/webhooks/crm', headers: {}, bodySha256: '', bodySizeBytes: 2 },
  });
  return { ...fact, id: uuidv7(at), at };
}

function triggerAt(at: number, runId: string): StampedFact[] {
  const executionId = `named-${runId}`;
  const named = event('WORKFLOW_EXECUTION_NAMED', `execution:${executionId}`, { executionId, runId });
  const triggered = event('WORKFLOW_TRIGGERED', `execution:${runId}`, {
    ...{ executionId, runId, definitionId: 'query', name: null, initiatedBy: null, channel: 'http' },
    queuedAt: new Date(at).toISOString(),
  });
  return [triggered, named].map((fact, index) => ({ ...fact, id: `${runId}/${index}`, at }));
}
