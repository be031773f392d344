import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import Type from 'typebox';
import { defineFlow, type Flow } from '../flow.ts';
import type { Case } from './contract.ts';
import { eventually, flowOf, untilStatus } from './harness.ts';

/** One run per alert at a time; each waits until it is told to go on. */
const perAlert = defineFlow({
  name: 'per-alert',
  version: 1,
  input: Type.Object({ alert: Type.String() }),
  output: Type.Unknown(),
  concurrency: { key: ({ alert }) => alert, limit: 1 },
  async run(step) {
    await step.run('look', () => 'looked');
    return (await step.waitForSignal('go')).payload;
  },
}) as unknown as Flow<unknown, unknown>;

/** A flow of which one run executes at a time: the first holds the place until it is let go, all tell when they began. */
function oneAtATime() {
  const begun: unknown[] = [];
  const { promise, resolve: letGo } = Promise.withResolvers<void>();
  const flow = flowOf(
    'one-at-a-time',
    async (step, input) => {
      begun.push(input);
      if (input === 'holder') await step.run('hold', () => promise);
    },
    1,
    1,
  );
  return { flow, begun, letGo };
}

export const orderCases: Record<string, Case> = {
  'of runs with one key only so many are under way, also while they wait and after a restart': async (
    open,
  ) => {
    const under = await open([perAlert]);
    let { engine } = under;
    const begin = async (alert: string) => (await engine.start(perAlert, { alert })).runId;
    const [first, other] = [await begin('disk'), await begin('fan')];
    for (const runId of [first, other]) await untilStatus(engine, runId, 'waiting');
    const [second, third] = [await begin('disk'), await begin('disk')];
    const statuses = async () =>
      Promise.all([second, third].map(async (id) => (await engine.get(id))!.status));
    const bothQueued = () =>
      eventually('both are queued', async () => (await statuses()).every((status) => status === 'queued'));
    await bothQueued();
    engine = await under.restart();
    await engine.signal(other, 'go', 'other');
    assert.equal((await engine.wait(other)).output, 'other');
    await bothQueued();
    await engine.signal(first, 'go', 1);
    await engine.wait(first);
    // Not every engine keeps the order of those that came while the key was taken.
    await eventually('one of the others is waiting', async () => (await statuses()).includes('waiting'));
    const [next, last] = (await statuses())[0] === 'waiting' ? [second, third] : [third, second];
    await eventually('the other is queued', async () =>
      isDeepStrictEqual((await statuses()).sort(), ['queued', 'waiting']),
    );
    assert.equal(await engine.terminate(next), 'cancelled');
    await untilStatus(engine, last, 'waiting');
    await engine.signal(last, 'go', 3);
    assert.equal((await engine.wait(last)).output, 3);
  },

  'a run that is cancelled while its key is taken never begins, and those behind it do': async (open) => {
    const { engine } = await open([perAlert]);
    const begin = async () => (await engine.start(perAlert, { alert: 'disk' })).runId;
    const first = await begin();
    await untilStatus(engine, first, 'waiting');
    const [second, third] = [await begin(), await begin()];
    assert.equal(await engine.cancel(second), 'cancelled');
    await engine.signal(first, 'go', 1);
    await untilStatus(engine, third, 'waiting');
    assert.deepEqual(await engine.history(second), []);
  },

  'a concurrency key that is no text is refused before anything is kept': async (open) => {
    const { engine } = await open([perAlert]);
    await assert.rejects(engine.start(perAlert, { alert: '' }), { code: 'invalid_request' });
    assert.equal((await engine.list()).runs.length, 0);
  },

  'a higher priority goes first, equal ones in the order in which they came, also after a restart': async (
    open,
  ) => {
    const { flow, begun, letGo } = oneAtATime();
    const under = await open([flow]);
    await under.engine.start(flow, 'holder');
    const priorities = [0, -1, 2, 0, 2, 10, -10];
    const runs: string[] = [];
    for (const [index, priority] of priorities.entries()) {
      runs.push((await under.engine.start(flow, index, { priority })).runId);
    }
    const engine = await under.restart();
    letGo();
    for (const runId of runs) await engine.wait(runId);
    assert.deepEqual(
      begun.filter((input) => input !== 'holder'),
      [5, 2, 4, 0, 3, 1, 6],
    );
    await assert.rejects(engine.start(flow, 0, { priority: 11 }), { code: 'invalid_request' });
    await assert.rejects(engine.start(flow, 0, { priority: 0.5 }), { code: 'invalid_request' });
  },

  'who waits a minute goes before a priority that is one higher': async (open, test) => {
    const { flow, begun, letGo } = oneAtATime();
    const { engine, moveClock } = await open([flow]);
    if (moveClock === undefined) return test.skip('the clock of this engine can not be moved');
    await engine.start(flow, 'holder');
    const early = await engine.start(flow, 'early');
    moveClock(61_000);
    const late = await engine.start(flow, 'late', { priority: 1 });
    const urgent = await engine.start(flow, 'urgent', { priority: 2 });
    letGo();
    for (const { runId } of [early, late, urgent]) await engine.wait(runId);
    // A replay begins anew.
    assert.deepEqual([...new Set(begun)], ['holder', 'urgent', 'early', 'late']);
  },
};
