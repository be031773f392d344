import assert from 'node:assert/strict';
import type { Step } from '../engine.ts';
import type { Case } from './contract.ts';
import { flowOf, runToEnd, untilStatus } from './harness.ts';

/** The flow that the patches below change: one step, a wait, one step. */
const original = flowOf('patched', async (step) => {
  await step.run('one', () => 1);
  await step.waitForSignal('go');
  return step.run('two', () => 2);
});

const checked = async (step: Step) => {
  await step.run('one', () => 1);
  await step.run('check', () => 'checked');
  await step.waitForSignal('go');
  return step.run('two', () => 'checked');
};

export const versionCases: Record<string, Case> = {
  'a patch is for runs that come to it for the first time, and the marker can be taken out later': async (
    open,
  ) => {
    const patched = flowOf('patched', async (step) => {
      await step.run('one', () => 1);
      const isNew = await step.patched('check before waiting');
      if (isNew) await step.run('check', () => 'checked');
      await step.waitForSignal('go');
      return step.run('two', () => (isNew ? 'checked' : 2));
    });
    const under = await open([original]);
    const before = await under.engine.start(original, {});
    await untilStatus(under.engine, before.runId, 'waiting');
    let engine = await under.restart([patched]);
    const after = await Promise.all([engine.start(patched, {}), engine.start(patched, {})]);
    for (const { runId } of after) await untilStatus(engine, runId, 'waiting');
    engine = await under.restart();
    for (const { runId } of [before, after[0]!]) await engine.signal(runId, 'go', null);
    assert.equal((await engine.wait(before.runId)).output, 2);
    assert.equal((await engine.wait(after[0]!.runId)).output, 'checked');
    const unmarked = flowOf('patched', checked);
    engine = await under.restart([unmarked]);
    await engine.signal(after[1]!.runId, 'go', null);
    assert.equal((await engine.wait(after[1]!.runId)).output, 'checked');
  },

  'a patch after all that the journal has is taken by runs from before it': async (open) => {
    const patched = flowOf('patched', async (step) => {
      await step.run('one', () => 1);
      await step.waitForSignal('go');
      return step.run('two', async () => 2).then(async () => ((await step.patched('late')) ? 'late' : 2));
    });
    const under = await open([original]);
    const { runId } = await under.engine.start(original, {});
    await untilStatus(under.engine, runId, 'waiting');
    const engine = await under.restart([patched]);
    await engine.signal(runId, 'go', null);
    assert.equal((await engine.wait(runId)).output, 'late');
  },

  'a patch has one answer for a run, however often it is asked for': async (open) => {
    const laps = (isPatched: (step: Step) => Promise<boolean>) =>
      flowOf('laps', async (step) => {
        const answers: boolean[] = [];
        for (let lap = 1; lap <= 3; lap++) {
          answers.push(await isPatched(step));
          await step.waitForSignal('go');
        }
        return answers;
      });
    const unpatched = laps(async () => false);
    const under = await open([unpatched]);
    const flow = laps((step) => step.patched('in a loop'));
    const before = await under.engine.start(unpatched, {});
    await untilStatus(under.engine, before.runId, 'waiting');
    let engine = await under.restart([flow]);
    const after = await engine.start(flow, {});
    for (let lap = 1; lap <= 3; lap++) {
      for (const { runId } of [before, after]) await untilStatus(engine, runId, 'waiting');
      if (lap === 2) engine = await under.restart();
      for (const { runId } of [before, after]) await engine.signal(runId, 'go', null, { occurrence: lap });
    }
    assert.deepEqual((await engine.wait(before.runId)).output, [false, false, false]);
    assert.deepEqual((await engine.wait(after.runId)).output, [true, true, true]);
  },

  'the versions that runs hold back are counted, with what is paused and for what': async (open) => {
    const one = flowOf('counted', (step) => step.waitForSignal('go'));
    const two = flowOf('counted', (step) => step.waitForSignal('go'), 2);
    const other = flowOf('other', async () => null);
    const under = await open([one, two, other]);
    const runs = await Promise.all([one, one, one, two].map((flow) => under.engine.start(flow, {})));
    for (const { runId } of runs) await untilStatus(under.engine, runId, 'waiting');
    await runToEnd(under.engine, other);
    const engine = await under.restart([two, other]);
    await engine.signal(runs[0]!.runId, 'go', null);
    await untilStatus(engine, runs[0]!.runId, 'paused');
    const [first, second, third, ...rest] = await engine.versions();
    assert.deepEqual(rest, []);
    const { oldestStartedAt, ...shown } = first!;
    assert.deepEqual(shown, {
      flow: 'counted',
      version: 1,
      registered: false,
      unfinished: 3,
      statuses: { paused: 1, waiting: 2 },
      pausedFor: { unknown_flow: 1 },
    });
    assert.equal(oldestStartedAt, (await engine.get(runs[0]!.runId))!.createdAt);
    assert.deepEqual([second!.version, second!.registered, second!.unfinished], [2, true, 1]);
    assert.deepEqual([third!.flow, third!.unfinished], ['other', 0]);
  },

  'cancelling a paused run is kept until its code is there; terminating ends it at once': async (open) => {
    const undone: string[] = [];
    const flow = flowOf('unplugged', async (step, input) => {
      try {
        await step.waitForSignal('go');
        await step.run('go on', () => undone.push('not undone'));
      } catch (error) {
        await step.run('undo', () => undone.push(input as string));
        throw error;
      }
    });
    const renamed = flowOf('unplugged', async (step) => void (await step.waitForSignal('gone')));
    const under = await open([flow]);
    const runs = await Promise.all([
      under.engine.start(flow, 'cancel'),
      under.engine.start(flow, 'terminate'),
    ]);
    const [cancelled, terminated] = runs.map(({ runId }) => runId) as [string, string];
    for (const { runId } of runs) await untilStatus(under.engine, runId, 'waiting');
    let engine = await under.restart([renamed]);
    for (const { runId } of runs) {
      await engine.signal(runId, 'go', null);
      assert.equal((await engine.wait(runId)).error!.code, 'flow_changed');
    }
    assert.equal(await engine.cancel(cancelled, 'enough'), 'paused');
    assert.equal(await engine.terminate(terminated, 'enough'), 'cancelled');
    engine = await under.restart([flow]);
    await engine.resume(cancelled);
    assert.match((await engine.wait(cancelled)).error!.message, /enough/);
    assert.equal((await engine.get(terminated))!.status, 'cancelled');
    assert.deepEqual(undone, ['cancel']);
  },
};
