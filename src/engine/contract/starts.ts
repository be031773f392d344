import assert from 'node:assert/strict';
import type { Case } from './contract.ts';
import { eventually, flowOf, runToEnd, untilStatus } from './harness.ts';

const idempotency = (key: string) => ({
  idempotency: { key, fingerprint: 'the same', expiresAt: Date.now() + 60_000 },
});

/** Ends as its input says. */
const ends = flowOf('ends', async (step, input) => {
  if (input === 'fails') throw new Error('no');
  if (input === 'waits') await step.waitForSignal('go');
  return input;
});

export const startCases: Record<string, Case> = {
  'an answer that was lost: the same start again gives the same run, in every state of it': async (open) => {
    const under = await open([ends]);
    let { engine } = under;
    const inputs = ['succeeds', 'fails', 'waits'];
    const first = new Map<string, string>();
    for (const input of inputs) first.set(input, (await engine.start(ends, input, idempotency(input))).runId);
    await untilStatus(engine, first.get('waits')!, 'waiting');
    for (const life of ['as it is', 'after a restart', 'after a cancellation']) {
      for (const input of inputs) {
        const again = await engine.start(ends, input, idempotency(input));
        assert.deepEqual([again.runId, again.created], [first.get(input), false], `${input} ${life}`);
      }
      if (life === 'as it is') engine = await under.restart();
      else await engine.cancel(first.get('waits')!);
    }
    assert.equal((await engine.list()).runs.length, inputs.length);
  },

  'a hundred keys at once, each from three senders: a hundred runs': async (open) => {
    const { engine } = await open([ends]);
    const keys = Array.from({ length: 300 }, (_, n) => `key ${n % 100}`);
    const started = await Promise.all(keys.map((key) => engine.start(ends, key, idempotency(key))));
    assert.equal(new Set(started.map(({ runId }) => runId)).size, 100);
    assert.equal(started.filter(({ created }) => created).length, 100);
    for (const [index, { runId }] of started.entries()) {
      assert.equal((await engine.wait(runId)).output, keys[index]);
    }
  },

  'three hundred waiting runs do not hold up a new one, and all of them go on': async (open) => {
    const under = await open([ends]);
    let { engine } = under;
    const runs = await Promise.all(Array.from({ length: 300 }, () => engine.start(ends, 'waits')));
    await untilStatus(engine, runs.at(-1)!.runId, 'waiting');
    engine = await under.restart();
    const startedAt = performance.now();
    assert.equal((await runToEnd(engine, ends, 'new')).output, 'new');
    assert.ok(performance.now() - startedAt < 2_000);
    await Promise.all(runs.map(({ runId }) => engine.signal(runId, 'go', null)));
    for (const { runId } of runs) assert.equal((await engine.wait(runId)).status, 'succeeded');
    await eventually(
      'none is left over',
      async () => (await engine.list({ status: 'waiting' })).runs.length === 0,
    );
  },

  'versions side by side: each run has the code that it began with, and a version without code can not be started':
    async (open) => {
      const versions = [1, 2, 3].map((version) =>
        flowOf('side-by-side', async (step) => [version, (await step.waitForSignal('go')).payload], version),
      );
      const under = await open(versions);
      const runs = await Promise.all(versions.map((flow) => under.engine.start(flow, {})));
      for (const { runId } of runs) await untilStatus(under.engine, runId, 'waiting');
      let engine = await under.restart([versions[2]!, versions[0]!]);
      for (const { runId } of runs) await engine.signal(runId, 'go', 'on');
      assert.deepEqual((await engine.wait(runs[0]!.runId)).output, [1, 'on']);
      assert.deepEqual((await engine.wait(runs[2]!.runId)).output, [3, 'on']);
      assert.equal((await engine.wait(runs[1]!.runId)).error!.code, 'unknown_flow');
      await assert.rejects(engine.start(versions[1]!, {}), { code: 'unknown_flow' });
      engine = await under.restart(versions);
      assert.deepEqual((await engine.wait(runs[1]!.runId)).output, [2, 'on']);
    },
};
