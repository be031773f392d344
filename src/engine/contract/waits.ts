import assert from 'node:assert/strict';
import type { SignalResult, Step } from '../engine.ts';
import type { Case } from './contract.ts';
import { eventually, flowOf, runToEnd, untilStatus } from './harness.ts';

const waitsTwice = flowOf('waits-twice', async (step) => {
  const first = await step.waitForSignal('go');
  const second = await step.waitForSignal('go');
  return [first.payload, second.payload];
});

const payloads = (...results: SignalResult<unknown>[]) =>
  results.map((result) => result.payload ?? 'timed out');

export const waitCases: Record<string, Case> = {
  'a sleep lasts at least as long as asked, also across a restart': async (open) => {
    const flow = flowOf('sleeps', async (step) => {
      await step.sleep('nap', 250);
      return null;
    });
    const under = await open([flow]);
    const startedAt = Date.now();
    const { runId } = await under.engine.start(flow, {});
    await untilStatus(under.engine, runId, 'waiting');
    const engine = await under.restart();
    const run = await engine.wait(runId);
    const lasted = run.endedAt! - startedAt;
    assert.ok(lasted >= 250 && lasted < 2_000, `lasted ${lasted} ms`);
  },

  'a sleep of nothing, and one that was due while nothing ran': async (open) => {
    const flow = flowOf('short', async (step, input) => {
      await step.sleep('nap', input as number);
      return 'awake';
    });
    const under = await open([flow]);
    assert.equal((await runToEnd(under.engine, flow, 0)).output, 'awake');
    assert.equal((await runToEnd(under.engine, flow, -5)).output, 'awake');
    const { runId } = await under.engine.start(flow, 300);
    await untilStatus(under.engine, runId, 'waiting');
    assert.equal((await (await under.restart()).wait(runId)).output, 'awake');
  },

  'a sleep longer than the timers of the platform': async (open, test) => {
    const flow = flowOf('long', async (step) => {
      await step.sleep('sixty days', 60 * 86_400_000);
      return 'awake';
    });
    const { engine, moveClock } = await open([flow]);
    const { runId } = await engine.start(flow, {});
    await untilStatus(engine, runId, 'waiting');
    if (moveClock === undefined) return test.skip('the clock of this engine can not be moved');
    moveClock(59 * 86_400_000);
    const second = await engine.start(flow, {});
    await untilStatus(engine, second.runId, 'waiting');
    assert.equal((await engine.get(runId))!.status, 'waiting');
    moveClock(2 * 86_400_000);
    await engine.start(flow, {});
    assert.equal((await engine.wait(runId)).output, 'awake');
  },

  'many timers at one moment': async (open) => {
    const flow = flowOf('together', async (step) => {
      await step.sleep('nap', 50);
      return null;
    });
    const { engine } = await open([flow]);
    const runs = await Promise.all(Array.from({ length: 2_000 }, () => engine.start(flow, {})));
    for (const { runId } of runs) assert.equal((await engine.wait(runId)).status, 'succeeded');
  },

  'signals before the wait are kept, first in, first out': async (open) => {
    const flow = flowOf('late', async (step) => {
      await step.waitForSignal('begin');
      const results = [await step.waitForSignal('go'), await step.waitForSignal('go')];
      return payloads(...results);
    });
    const { engine } = await open([flow]);
    const { runId } = await engine.start(flow, {});
    assert.equal(await engine.signal(runId, 'go', 'first'), 'kept');
    assert.equal(await engine.signal(runId, 'go', 'second'), 'kept');
    await engine.signal(runId, 'begin', null);
    assert.deepEqual((await engine.wait(runId)).output, ['first', 'second']);
  },

  'a signal before the start is kept': async (open) => {
    const { engine } = await open([waitsTwice]);
    const runId = '019a0000-0000-7000-8000-000000000001';
    assert.equal(await engine.signal(runId, 'go', 'early'), 'kept');
    await engine.start(waitsTwice, {}, { runId });
    await engine.signal(runId, 'go', 'late');
    assert.deepEqual((await engine.wait(runId)).output, ['early', 'late']);
  },

  'a signal during the wait is delivered; the same one again is a duplicate': async (open) => {
    const under = await open([waitsTwice]);
    const { runId } = await under.engine.start(waitsTwice, {});
    await untilStatus(under.engine, runId, 'waiting');
    assert.equal(await under.engine.signal(runId, 'go', 1, { occurrence: 1 }), 'delivered');
    assert.equal(await under.engine.signal(runId, 'go', 9, { occurrence: 1 }), 'duplicate');
    const engine = await under.restart();
    assert.equal(await engine.signal(runId, 'go', 9, { occurrence: 1 }), 'duplicate');
    await engine.signal(runId, 'go', 2);
    assert.deepEqual((await engine.wait(runId)).output, [1, 2]);
    await assert.rejects(engine.signal(runId, 'go', 3), { code: 'run_ended' });
  },

  'a wait that times out says so, and a late value goes to the next wait': async (open) => {
    const flow = flowOf('patient', async (step) => {
      const first = await step.waitForSignal('go', { timeoutMs: 20 });
      const second = await step.waitForSignal('go', { timeoutMs: 10_000 });
      return { timedOut: first.timedOut, second: second.payload };
    });
    const { engine } = await open([flow]);
    const { runId } = await engine.start(flow, {});
    await eventually('the first wait is over', async () => (await engine.history(runId)).length === 2);
    await untilStatus(engine, runId, 'waiting');
    assert.equal(await engine.signal(runId, 'go', 'too late', { occurrence: 1 }), 'duplicate');
    await engine.signal(runId, 'go', 'in time');
    assert.deepEqual((await engine.wait(runId)).output, { timedOut: true, second: 'in time' });
  },

  'a thousand senders at once: one wins, all but one are duplicates': async (open) => {
    const flow = flowOf('one-winner', async (step) => (await step.waitForSignal('go')).payload);
    const { engine } = await open([flow]);
    const { runId } = await engine.start(flow, {});
    await untilStatus(engine, runId, 'waiting');
    const outcomes = await Promise.allSettled(
      Array.from({ length: 1_000 }, (_, n) => engine.signal(runId, 'go', n, { occurrence: 1 })),
    );
    const delivered = outcomes.filter(
      (outcome) => outcome.status === 'fulfilled' && outcome.value === 'delivered',
    );
    assert.equal(delivered.length, 1);
    assert.equal(typeof (await engine.wait(runId)).output, 'number');
  },

  'two waits that end in the same moment each end once': async (open) => {
    const flow = flowOf('both', async (step) => {
      const [a, b] = await Promise.all([step.waitForSignal('a'), step.waitForSignal('b')]);
      const end = await step.waitForSignal('end');
      return [a.payload, b.payload, end.payload];
    });
    const { engine } = await open([flow]);
    const runs = await Promise.all(Array.from({ length: 20 }, () => engine.start(flow, {})));
    for (const { runId } of runs) await untilStatus(engine, runId, 'waiting');
    await Promise.all(
      runs.flatMap(({ runId }) => [engine.signal(runId, 'a', 1), engine.signal(runId, 'b', 2)]),
    );
    for (const { runId } of runs) {
      await engine.signal(runId, 'end', 3);
      const { status, output } = await engine.wait(runId);
      assert.deepEqual([status, output], ['succeeded', [1, 2, 3]]);
    }
  },

  'signal against timeout: a replay finds the same winner': async (open) => {
    const flow = flowOf('race', async (step: Step) => {
      const winner = await Promise.race([
        step.waitForSignal('go').then(() => 'signal'),
        step.sleep('limit', 30).then(() => 'limit'),
      ]);
      await step.waitForSignal('end');
      return winner;
    });
    const under = await open([flow]);
    const runs = await Promise.all(Array.from({ length: 20 }, () => under.engine.start(flow, {})));
    await new Promise((resolve) => setTimeout(resolve, 25));
    await Promise.all(runs.map(({ runId }) => under.engine.signal(runId, 'go', null)));
    for (const { runId } of runs) await untilStatus(under.engine, runId, 'waiting');
    const engine = await under.restart();
    for (const { runId } of runs) {
      await engine.signal(runId, 'end', null);
      const { status, output } = await engine.wait(runId);
      assert.equal(status, 'succeeded');
      const ends = (await engine.history(runId)).filter(({ position }) => position < 2);
      const signal = ends.find(({ kind }) => kind === 'signal')!;
      if (output === 'limit')
        assert.ok(ends.find(({ kind }) => kind === 'sleep')!.endedAt! <= signal.endedAt!);
      else assert.equal(signal.status, 'succeeded');
    }
  },

  'a child gives its output, its failure and its cancellation to the parent': async (open) => {
    const child = flowOf('child', async (step, input) => {
      if (input === 'fail') throw new Error('the child says no');
      if (input === 'wait') await step.waitForSignal('never');
      return step.run('answer', () => `answer to ${input}`);
    });
    const parent = flowOf('parent', async (step, input) => {
      try {
        return await step.call('ask', child, input);
      } catch (error) {
        return { failed: (error as Error).message };
      }
    });
    const { engine } = await open([parent, child]);
    assert.equal((await runToEnd(engine, parent, 'why')).output, 'answer to why');
    const failed = (await runToEnd(engine, parent, 'fail')).output as { failed: string };
    assert.match(failed.failed, /the child says no/);
    const { runId } = await engine.start(parent, 'wait');
    await untilStatus(engine, runId, 'waiting');
    const { childRunId } = (await engine.history(runId))[0]!;
    await untilStatus(engine, childRunId!, 'waiting');
    await engine.cancel(childRunId!, 'enough');
    const cancelled = (await engine.wait(runId)).output as { failed: string };
    assert.match(cancelled.failed, /enough/);
  },

  'a child that is started goes on alone': async (open) => {
    const child = flowOf('child', async (step) => (await step.waitForSignal('go')).payload);
    const parent = flowOf('parent', (step) => step.start('begin', child, {}));
    const { engine } = await open([parent, child]);
    const { output, status } = await runToEnd(engine, parent);
    assert.equal(status, 'succeeded');
    await engine.signal(output as string, 'go', 'alone');
    assert.equal((await engine.wait(output as string)).output, 'alone');
  },

  'a child outlives the restart of the process': async (open) => {
    const child = flowOf('child', async (step) => (await step.waitForSignal('go')).payload);
    const parent = flowOf('parent', (step) => step.call('ask', child, {}));
    const under = await open([parent, child]);
    const { runId } = await under.engine.start(parent, {});
    await untilStatus(under.engine, runId, 'waiting');
    const engine = await under.restart();
    const { childRunId } = (await engine.history(runId))[0]!;
    await engine.signal(childRunId!, 'go', 'still here');
    assert.equal((await engine.wait(runId)).output, 'still here');
  },
};
