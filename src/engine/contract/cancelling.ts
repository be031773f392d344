import assert from 'node:assert/strict';
import type { Step } from '../engine.ts';
import type { Case } from './contract.ts';
import { eventually, flowOf, runToEnd, untilStatus } from './harness.ts';

const child = flowOf('child', (step) => step.waitForSignal('never'));

/** Each thing that a run may be doing when it is to stop. */
const doings: Readonly<Record<string, (step: Step) => Promise<unknown>>> = {
  'in a step': (step) => step.run('works', () => new Promise(() => {})),
  'between two attempts': (step) =>
    step.run('fails', () => Promise.reject(new Error('no')), {
      retry: { maxAttempts: 2, delaysMs: [3_600_000] },
    }),
  sleeping: (step) => step.sleep('long', 3_600_000),
  waiting: (step) => step.waitForSignal('never'),
  'waiting with a timeout': (step) => step.waitForSignal('never', { timeoutMs: 3_600_000 }),
  'in a child': (step) => step.call('asks', child, {}),
  'in two branches': (step) => Promise.all([step.sleep('long', 3_600_000), step.waitForSignal('never')]),
};

/** Does the thing that is its input, and says so when it is cancelled. */
const stoppable = flowOf('stoppable', async (step, input) => {
  await step.run('begins', () => null);
  try {
    await doings[input as string]!(step);
  } catch (error) {
    await step.run('undoes', () => undone.push(input as string));
    throw error;
  }
});
const undone: string[] = [];

const underWay = (positions: number) => (history: readonly unknown[]) => history.length > positions;

export const cancelCases: Record<string, Case> = {
  'cancel, whatever the run is doing: it undoes what it did, once, and is cancelled': async (open) => {
    undone.length = 0;
    const { engine } = await open([stoppable, child]);
    for (const doing of Object.keys(doings)) {
      const { runId } = await engine.start(stoppable, doing);
      await eventually(doing, async () => underWay(1)(await engine.history(runId)));
      await engine.cancel(runId, `while ${doing}`);
      const { status, error } = await engine.wait(runId);
      assert.deepEqual([status, error!.code], ['cancelled', 'run_cancelled'], doing);
      assert.match(error!.message, new RegExp(`while ${doing}`));
    }
    assert.deepEqual(undone, Object.keys(doings));
  },

  'terminate, whatever the run is doing: it ends at once, and nothing of it runs again': async (open) => {
    undone.length = 0;
    const under = await open([stoppable, child]);
    let { engine } = under;
    const ids: string[] = [];
    for (const doing of Object.keys(doings)) {
      const { runId } = await engine.start(stoppable, doing);
      await eventually(doing, async () => underWay(1)(await engine.history(runId)));
      assert.equal(await engine.terminate(runId, 'now'), 'cancelled', doing);
      assert.match((await engine.wait(runId)).error!.message, /terminated: now/);
      ids.push(runId);
    }
    engine = await under.restart();
    for (const runId of ids) assert.equal((await engine.get(runId))!.status, 'cancelled');
    assert.equal((await engine.list({ status: 'waiting' })).runs.length, 0, 'its child has ended as well');
    assert.deepEqual(undone, []);
  },

  'cancel and terminate after the end change nothing': async (open) => {
    const flow = flowOf('ended', async (_, input) => {
      if (input === 'fails') throw new Error('no');
      return 'output';
    });
    const { engine } = await open([flow]);
    for (const [input, status] of [
      ['succeeds', 'succeeded'],
      ['fails', 'failed'],
    ]) {
      const run = await runToEnd(engine, flow, input);
      assert.equal(await engine.cancel(run.runId), status);
      assert.equal(await engine.terminate(run.runId), status);
      assert.deepEqual(await engine.get(run.runId), run);
    }
  },

  'a flow that catches its cancellation and goes on ends as it likes': async (open) => {
    const flow = flowOf('stubborn', async (step) => {
      await step.sleep('long', 3_600_000).catch(() => null);
      await step.sleep('a moment', 1);
      return step.run('goes on', () => 'all the same');
    });
    const under = await open([flow]);
    const { runId } = await under.engine.start(flow, {});
    await untilStatus(under.engine, runId, 'waiting');
    const engine = await under.restart();
    await engine.cancel(runId);
    const { status, output } = await engine.wait(runId);
    assert.deepEqual([status, output], ['succeeded', 'all the same']);
  },

  'a cancellation outlives the process that took it': async (open) => {
    undone.length = 0;
    const under = await open([stoppable, child]);
    const { runId } = await under.engine.start(stoppable, 'sleeping');
    await untilStatus(under.engine, runId, 'waiting');
    await under.engine.cancel(runId, 'before the restart');
    const engine = await under.restart();
    const { status, error } = await engine.wait(runId);
    assert.equal(status, 'cancelled');
    assert.match(error!.message, /before the restart/);
    assert.deepEqual(undone, ['sleeping']);
  },

  'a cancelled run can be started anew, and is then another one': async (open) => {
    const flow = flowOf('again', async (step, input) => [input, (await step.waitForSignal('go')).payload]);
    const { engine } = await open([flow]);
    const { runId } = await engine.start(flow, 'input');
    await untilStatus(engine, runId, 'waiting');
    await engine.cancel(runId);
    await engine.wait(runId);
    const again = await engine.restart(runId);
    await engine.signal(again.runId, 'go', 'new');
    assert.deepEqual((await engine.wait(again.runId)).output, ['input', 'new']);
    assert.equal((await engine.get(runId))!.status, 'cancelled');
  },
};
