import assert from 'node:assert/strict';
import { endedFamily } from '../forget.ts';
import type { Case } from './contract.ts';
import { eventually, flowOf, runToEnd } from './harness.ts';

const child = flowOf('forgotten-child', (step) => step.run('secret', () => 'Zebulon'));
const parent = flowOf('forgotten', async (step) => {
  await step.call('child', child, {});
  return step.waitForSignal('go');
});
const other = flowOf('other', async (_step, input) => input);

/** Taking out what is kept of runs that have ended. */
export const forgettingCases: Readonly<Record<string, Case>> = {
  'a family of runs that has ended is forgotten, also by its idempotency key, and others are not': async (
    open,
  ) => {
    const { engine } = await open([parent, child, other]);
    const left = await runToEnd(engine, other, 'stays');
    const idempotency = { key: 'forgotten', fingerprint: 'f', expiresAt: Date.now() + 3_600_000 };
    const { runId } = await engine.start(parent, { who: 'Zebulon' }, { idempotency });
    await assert.rejects(endedFamily(engine, runId), { code: 'conflict' });
    await engine.signal(runId, 'go', 'Zebulon');
    await engine.wait(runId);
    const family = await endedFamily(engine, runId);
    assert.equal(family.length, 2);
    // By two at once, one of which looks for them first.
    await Promise.all([engine.forgetRuns(family), endedFamily(engine, runId), engine.forgetRuns(family)]);
    await eventually('they are gone', async () => {
      const found = await Promise.all(family.map((member) => engine.get(member)));
      return found.every((run) => run === undefined);
    });
    assert.deepEqual(await endedFamily(engine, runId), [runId]);
    assert.equal((await engine.get(left.runId))?.output, 'stays');
    const again = await engine.start(parent, { who: 'else' }, { idempotency });
    assert.deepEqual([again.created, again.input], [true, { who: 'else' }]);
    assert.notEqual(again.runId, runId);
  },

  'what has not ended is not forgotten': async (open) => {
    const { engine } = await open([parent, child]);
    const { runId } = await engine.start(parent, {});
    await engine.forgetRuns([runId]);
    await engine.signal(runId, 'go', 'on');
    assert.equal((await engine.wait(runId)).status, 'succeeded');
  },
};
