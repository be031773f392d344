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

  'a run that is started for later begins then, not before, and keeps what comes earlier': async (open) => {
    const tells = flowOf('tells', async (step) => {
      const begunAt = step.now();
      return { begunAt, ...(await step.waitForSignal('go')) };
    });
    const { engine } = await open([tells]);
    const startAt = Date.now() + 400;
    const key = idempotency('later');
    const { runId } = await engine.start(tells, {}, { startAt, ...key });
    assert.equal((await engine.start(tells, {}, { startAt, ...key })).runId, runId);
    const { status, startAt: shown } = (await engine.get(runId))!;
    assert.deepEqual([status, shown], ['queued', startAt]);
    assert.equal(await engine.signal(runId, 'go', 'early'), 'kept');
    const run = await engine.wait(runId);
    assert.ok(run.endedAt! >= startAt, `${run.endedAt} is before ${startAt}`);
    const { begunAt, payload } = run.output as { begunAt: number; payload: string };
    assert.ok(begunAt >= startAt, `${begunAt} is before ${startAt}`);
    assert.equal(payload, 'early');
  },

  'a run whose time came while nothing ran begins at the start, one whose time is to come does not': async (
    open,
  ) => {
    const under = await open([ends]);
    const soon = await under.engine.start(ends, 'soon', { startAt: Date.now() + 300 });
    const late = await under.engine.start(ends, 'late', { startAt: Date.now() + 3_600_000 });
    const engine = await under.restart();
    assert.equal((await engine.wait(soon.runId)).output, 'soon');
    await untilStatus(engine, late.runId, 'queued');
    const queued = (await engine.list({ status: 'queued' })).runs.map(({ runId }) => runId);
    assert.deepEqual(queued, [late.runId]);
    assert.equal((await runToEnd(engine, ends, 'others')).output, 'others');
  },

  'a run that is started for later can be cancelled and terminated before it begins': async (open) => {
    const { engine } = await open([ends]);
    const startAt = Date.now() + 3_600_000;
    const cancelled = await engine.start(ends, 'a', { startAt });
    const terminated = await engine.start(ends, 'b', { startAt });
    assert.equal(await engine.cancel(cancelled.runId), 'cancelled');
    assert.equal(await engine.terminate(terminated.runId), 'cancelled');
    for (const { runId } of [cancelled, terminated]) {
      assert.equal((await engine.wait(runId)).error!.code, 'run_cancelled');
    }
  },

  'a time to begin that is over is now, and one that is none is refused': async (open) => {
    const { engine } = await open([ends]);
    const { runId } = await engine.start(ends, 'at once', { startAt: Date.now() - 3_600_000 });
    assert.equal((await engine.wait(runId)).output, 'at once');
    for (const startAt of [Number.NaN, -1, 1.5, Number.POSITIVE_INFINITY]) {
      await assert.rejects(engine.start(ends, 'never', { startAt }), { code: 'invalid_request' });
    }
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
