import assert from 'node:assert/strict';
import type { Case } from './contract.ts';
import { flowOf, untilStatus } from './harness.ts';

const hourMs = 3_600_000;
const noClock = 'the clock of this engine can not be moved';

const naps = flowOf('naps', async (step, input) => {
  const from = step.now();
  await step.sleep('nap', input as number);
  return step.now() - from;
});

export const timerCases: Record<string, Case> = {
  'no sleep ends early': async (open) => {
    const { engine } = await open([naps]);
    const durations = Array.from({ length: 100 }, (_, n) => (n * 7) % 60);
    const runs = await Promise.all(durations.map((durationMs) => engine.start(naps, durationMs)));
    for (const [index, { runId }] of runs.entries()) {
      const { output } = await engine.wait(runId);
      assert.ok(Number(output) >= durations[index]!, `${output} ms instead of ${durations[index]}`);
    }
  },

  'what came due while nothing ran is over at the start: a sleep, a timeout, the wait before an attempt':
    async (open, test) => {
      const flow = flowOf('down', (step) =>
        Promise.all([
          step.sleep('nap', hourMs),
          step.waitForSignal('go', { timeoutMs: hourMs }),
          step.run(
            'fails once',
            ({ attempt }) => {
              if (attempt === 1) throw new Error('once');
              return attempt;
            },
            { retry: { maxAttempts: 2, delaysMs: [hourMs] } },
          ),
        ]).then(([, { timedOut }, attempt]) => ({ timedOut, attempt })),
      );
      const under = await open([flow]);
      if (under.moveClock === undefined) return test.skip(noClock);
      const { runId } = await under.engine.start(flow, {});
      await untilStatus(under.engine, runId, 'waiting');
      under.moveClock(2 * hourMs);
      const engine = await under.restart();
      assert.deepEqual((await engine.wait(runId)).output, { timedOut: true, attempt: 2 });
    },

  'the clock goes forward and back by an hour: nothing ends early, and new timers work': async (
    open,
    test,
  ) => {
    const under = await open([naps]);
    const { engine, moveClock } = under;
    if (moveClock === undefined) return test.skip(noClock);
    const long = await engine.start(naps, hourMs);
    await untilStatus(engine, long.runId, 'waiting');
    const quick = async () => {
      const { runId } = await engine.start(naps, 20);
      assert.equal((await engine.wait(runId)).status, 'succeeded');
      return (await engine.get(long.runId))!.status;
    };
    moveClock(-hourMs);
    assert.equal(await quick(), 'waiting');
    moveClock(hourMs);
    assert.equal(await quick(), 'waiting');
    moveClock(hourMs);
    assert.equal((await engine.wait(long.runId)).status, 'succeeded');
    moveClock(-hourMs);
    assert.equal(await quick(), 'succeeded');
  },

  'a clock that is set back by an hour makes nothing wait longer that waits, and lets nothing begin early':
    async (open, test) => {
      const under = await open([naps]);
      const { engine, moveClock } = under;
      if (moveClock === undefined) return test.skip(noClock);
      const { runId } = await engine.start(naps, 300);
      await untilStatus(engine, runId, 'waiting');
      const later = await engine.start(naps, 0, { startAt: Date.now() + hourMs / 2 });
      moveClock(-hourMs);
      const { output } = await engine.wait(runId);
      assert.ok(Number(output) >= 300, `${output} ms`);
      const laterStill = await engine.start(naps, 0, { startAt: Date.now() - hourMs / 2 });
      const quick = await engine.start(naps, 20);
      assert.equal((await engine.wait(quick.runId)).status, 'succeeded');
      for (const { runId: delayed } of [later, laterStill])
        assert.equal((await engine.get(delayed))!.status, 'queued', 'half an hour is not over');
      moveClock(hourMs);
      const { status } = await engine.wait(laterStill.runId);
      assert.equal(status, 'succeeded');
    },

  'ten thousand timers that are due in one millisecond, and one more that is not': async (open, test) => {
    const { engine, moveClock } = await open([naps]);
    if (moveClock === undefined) return test.skip(noClock);
    const late = await engine.start(naps, 10 * hourMs);
    const runs = await Promise.all(Array.from({ length: 10_000 }, () => engine.start(naps, hourMs)));
    await untilStatus(engine, runs.at(-1)!.runId, 'waiting');
    await untilStatus(engine, late.runId, 'waiting');
    moveClock(2 * hourMs);
    for (const { runId } of runs) assert.equal((await engine.wait(runId)).status, 'succeeded');
    assert.equal((await engine.get(late.runId))!.status, 'waiting');
  },
};
