import assert from 'node:assert/strict';
import { SignalboxError } from '../../core/errors.ts';
import type { Case } from './contract.ts';
import { eventually, flowOf, runToEnd, untilStatus } from './harness.ts';

const isCancelled = (error: unknown) => error instanceof SignalboxError && error.code === 'run_cancelled';
const idempotency = (key: string, fingerprint: string) => ({
  idempotency: { key, fingerprint, expiresAt: Date.now() + 60_000 },
});

export const runCases: Record<string, Case> = {
  'the same key starts one run, also a hundred times at once and after a restart': async (open) => {
    const flow = flowOf('keyed', async (step, input) => step.run('echo', () => input as object));
    const under = await open([flow]);
    const starts = await Promise.all(
      Array.from({ length: 100 }, (_, n) => under.engine.start(flow, { n }, idempotency('k', 'f'))),
    );
    assert.equal(new Set(starts.map(({ runId }) => runId)).size, 1);
    assert.equal(starts.filter(({ created }) => created).length, 1);
    for (const { input } of starts) assert.deepEqual(input, starts[0]!.input);
    await under.engine.wait(starts[0]!.runId);
    const engine = await under.restart();
    const again = await engine.start(flow, { n: 7 }, idempotency('k', 'f'));
    assert.deepEqual([again.created, again.runId, again.input], [false, starts[0]!.runId, starts[0]!.input]);
  },

  'the same key for something else is refused; an expired key is free': async (open) => {
    const flow = flowOf('keyed', async () => null);
    const { engine } = await open([flow]);
    const first = await engine.start(flow, {}, idempotency('k', 'one'));
    await assert.rejects(engine.start(flow, {}, idempotency('k', 'two')), { code: 'idempotency_key_reused' });
    const expired = { idempotency: { key: 'old', fingerprint: 'x', expiresAt: Date.now() - 1 } };
    const old = await engine.start(flow, {}, expired);
    const young = await engine.start(flow, {}, { idempotency: { ...expired.idempotency, fingerprint: 'y' } });
    assert.notEqual(old.runId, young.runId);
    assert.notEqual(first.runId, old.runId);
  },

  'an input that does not fit is refused before anything is kept': async (open) => {
    const { engine } = await open([flowOf('known', async () => null)]);
    await assert.rejects(
      engine.start(
        flowOf('unknown', async () => null),
        {},
      ),
      { code: 'unknown_flow' },
    );
    assert.equal((await engine.list()).runs.length, 0);
  },

  'an unknown run': async (open) => {
    const { engine } = await open([]);
    const runId = '019a0000-0000-7000-8000-00000000000f';
    assert.equal(await engine.get(runId), undefined);
    await assert.rejects(engine.cancel(runId), { code: 'unknown_run' });
    await assert.rejects(engine.history(runId), { code: 'unknown_run' });
  },

  'cancel while waiting: the flow undoes what it did': async (open) => {
    const done: string[] = [];
    const flow = flowOf('undoes', async (step) => {
      await step.run('book', () => done.push('book'));
      try {
        await step.waitForSignal('confirm');
      } catch (error) {
        await step.run('unbook', () => done.push('unbook'));
        throw error;
      }
      return null;
    });
    for (const restart of [false, true]) {
      done.length = 0;
      const under = await open([flow]);
      const { runId } = await under.engine.start(flow, {});
      await untilStatus(under.engine, runId, 'waiting');
      const engine = restart ? await under.restart() : under.engine;
      await engine.cancel(runId, 'changed my mind');
      const run = await engine.wait(runId);
      assert.equal(run.status, 'cancelled');
      assert.match(run.error!.message, /changed my mind/);
      assert.deepEqual(done, ['book', 'unbook']);
      assert.equal(await engine.cancel(runId), 'cancelled');
    }
  },

  'cancel in a step aborts it': async (open) => {
    let aborted = false;
    let began = false;
    const flow = flowOf('busy', (step) =>
      step.run('works', ({ signal }) => {
        began = true;
        return new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            aborted = true;
            reject(signal.reason);
          });
        });
      }),
    );
    const { engine } = await open([flow]);
    const { runId } = await engine.start(flow, {});
    await eventually('the step began', () => began);
    await engine.cancel(runId);
    assert.equal((await engine.wait(runId)).status, 'cancelled');
    assert.equal(aborted, true);
  },

  'cancel while sleeping, and twice': async (open) => {
    const flow = flowOf('sleeps', (step) => step.sleep('long', 3_600_000));
    const { engine } = await open([flow]);
    const { runId } = await engine.start(flow, {});
    await untilStatus(engine, runId, 'waiting');
    await Promise.all([engine.cancel(runId, 'one'), engine.cancel(runId, 'two')]);
    assert.equal((await engine.wait(runId)).status, 'cancelled');
  },

  'cancel while queued ends a run that has not begun': async (open) => {
    const begun = new Set<unknown>();
    const flow = flowOf(
      'narrow',
      async (step, input) => {
        begun.add(input);
        await step.run(
          'holds the place',
          ({ signal }) =>
            new Promise((_, reject) => {
              signal.addEventListener('abort', () => reject(signal.reason));
            }),
        );
      },
      1,
      1,
    );
    const { engine } = await open([flow]);
    const first = await engine.start(flow, 'first');
    const second = await engine.start(flow, 'second');
    assert.equal(await engine.cancel(second.runId), 'cancelled');
    await engine.cancel(first.runId);
    await engine.wait(first.runId);
    assert.deepEqual([...begun], ['first']);
  },

  'cancel reaches the child, and the parent through it': async (open) => {
    const seen: string[] = [];
    const child = flowOf('child', async (step) => {
      try {
        await step.waitForSignal('never');
      } catch (error) {
        await step.run('undo', () => seen.push('child undone'));
        throw error;
      }
    });
    const parent = flowOf('parent', async (step) => {
      try {
        await step.call('ask', child, {});
      } catch (error) {
        await step.run('undo', () => seen.push(`parent saw ${isCancelled(error)}`));
        throw error;
      }
    });
    const { engine } = await open([parent, child]);
    const { runId } = await engine.start(parent, {});
    await untilStatus(engine, runId, 'waiting');
    const { childRunId } = (await engine.history(runId))[0]!;
    await untilStatus(engine, childRunId!, 'waiting');
    await engine.cancel(runId);
    assert.equal((await engine.wait(runId)).status, 'cancelled');
    assert.equal((await engine.get(childRunId!))!.status, 'cancelled');
    assert.deepEqual(seen, ['child undone', 'parent saw true']);
  },

  'terminate ends a run and its children without their code': async (open) => {
    let undone = false;
    const child = flowOf('child', (step) =>
      step.waitForSignal('never').catch(() => step.run('undo', () => (undone = true))),
    );
    const parent = flowOf('parent', (step) => step.call('ask', child, {}));
    const { engine } = await open([parent, child]);
    const { runId } = await engine.start(parent, {});
    await untilStatus(engine, runId, 'waiting');
    const { childRunId } = (await engine.history(runId))[0]!;
    assert.equal(await engine.terminate(runId, 'now'), 'cancelled');
    assert.equal((await engine.get(childRunId!))!.status, 'cancelled');
    assert.equal(undone, false);
    assert.equal((await engine.wait(runId)).status, 'cancelled');
  },

  'changed code is noticed at the replay, both sides are shown, and the right code goes on': async (open) => {
    const versions = {
      original: flowOf('changes', async (step) => {
        await step.run('one', () => 1);
        await step.waitForSignal('go');
        return step.run('two', () => 2);
      }),
      renamed: flowOf('changes', async (step) => {
        await step.run('uno', () => 1);
        await step.waitForSignal('go');
        return 'renamed';
      }),
      inserted: flowOf('changes', async (step) => {
        await step.run('zero', () => 0);
        await step.run('one', () => 1);
        await step.waitForSignal('go');
        return 'inserted';
      }),
      removed: flowOf('changes', async (step) => {
        await step.waitForSignal('go');
        return 'removed';
      }),
      'another kind': flowOf('changes', async (step) => {
        await step.sleep('one', 1);
        await step.waitForSignal('go');
        return 'another kind';
      }),
      'an early return': flowOf('changes', async (step) => {
        await step.run('one', () => 1);
        return 'early';
      }),
    };
    for (const [change, flow] of Object.entries(versions).slice(1)) {
      const under = await open([versions.original]);
      const { runId } = await under.engine.start(versions.original, {});
      await untilStatus(under.engine, runId, 'waiting');
      let engine = await under.restart([flow]);
      await engine.signal(runId, 'go', null);
      const paused = await engine.wait(runId);
      assert.equal(paused.status, 'paused', change);
      assert.equal(paused.error!.code, 'flow_changed', change);
      assert.ok(paused.error!.details?.recorded, change);
      assert.match(paused.error!.message, /journal has .* the code calls/, change);
      engine = await under.restart([versions.original]);
      await engine.resume(runId);
      assert.equal((await engine.wait(runId)).output, 2, change);
    }
  },

  'a version that is not registered waits visibly, and runs keep their version': async (open) => {
    const one = flowOf('versioned', async (step) => {
      await step.waitForSignal('go');
      return 'one';
    });
    const two = flowOf('versioned', async () => 'two', 2);
    const under = await open([one]);
    const { runId } = await under.engine.start(one, {});
    await untilStatus(under.engine, runId, 'waiting');
    let engine = await under.restart([two]);
    await engine.signal(runId, 'go', null);
    const paused = await engine.wait(runId);
    assert.deepEqual([paused.status, paused.error!.code], ['paused', 'unknown_flow']);
    assert.equal((await runToEnd(engine, two)).output, 'two');
    engine = await under.restart([one, two]);
    assert.equal((await engine.wait(runId)).output, 'one');
  },

  'a failed run is a dead letter until it is started anew, once': async (open) => {
    let broken = true;
    const flow = flowOf('fragile', async (step, input) => {
      await step.run('works', () => {
        if (broken) throw new SignalboxError('agent_failed', 'not now', { retryable: false });
      });
      return input;
    });
    const { engine } = await open([flow]);
    const failed = await runToEnd(engine, flow, { keep: 'me' });
    assert.deepEqual(
      (await engine.list({ deadLetters: true })).runs.map(({ runId }) => runId),
      [failed.runId],
    );
    assert.deepEqual(await engine.deadLetters(), [{ flow: 'fragile', count: 1 }]);
    broken = false;
    const [again, twice] = await Promise.all([engine.restart(failed.runId), engine.restart(failed.runId)]);
    assert.equal(again.runId, twice.runId);
    assert.equal(Number(again.created) + Number(twice.created), 1);
    const run = await engine.wait(again.runId);
    assert.deepEqual([run.output, run.restartOf], [{ keep: 'me' }, failed.runId]);
    assert.equal((await engine.get(failed.runId))!.status, 'failed');
    assert.equal((await engine.list({ deadLetters: true })).runs.length, 0);
    assert.deepEqual(await engine.deadLetters(), []);
    await assert.rejects(engine.restart(again.runId), { code: 'conflict' });
  },

  'at most so many runs of a flow execute at once, and other flows have their turn': async (open) => {
    let running = 0;
    let most = 0;
    const ended: string[] = [];
    const work = (name: string) => async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setTimeout(resolve, 2));
      running -= 1;
      ended.push(name);
    };
    const flood = flowOf('flood', (step, input) => step.run('work', work(`flood ${input}`)), 1, 3);
    const other = flowOf('other', (step) => step.run('work', async () => ended.push('other')), 1, 3);
    const { engine } = await open([flood, other]);
    const runs = await Promise.all(Array.from({ length: 60 }, (_, n) => engine.start(flood, n)));
    await runToEnd(engine, other);
    for (const { runId } of runs) await engine.wait(runId);
    assert.ok(most <= 3, `${most} at once`);
    assert.ok(ended.indexOf('other') < 30, `the other flow came as number ${ended.indexOf('other')}`);
    const order = ended.filter((name) => name !== 'other').map((name) => Number(name.slice(6)));
    for (const [index, n] of order.entries()) assert.ok(Math.abs(index - n) <= 3, 'first in, first out');
  },

  'pages of runs, newest first': async (open) => {
    const flow = flowOf('listed', async () => null);
    const { engine } = await open([flow]);
    const ids: string[] = [];
    for (let n = 0; n < 5; n++) ids.push((await runToEnd(engine, flow)).runId);
    const first = await engine.list({ limit: 3, flow: 'listed', status: 'succeeded' });
    const second = await engine.list({ limit: 3, after: first.next! });
    assert.deepEqual(
      [...first.runs, ...second.runs].map(({ runId }) => runId),
      ids.reverse(),
    );
    assert.equal(second.next, undefined);
    await assert.rejects(engine.list({ after: 'nonsense' }), { code: 'invalid_request' });
  },

  'a stop lets what executes come to rest, refuses new runs, and the rest goes on later': async (open) => {
    let finish = () => {};
    let began = false;
    const done: string[] = [];
    const flow = flowOf('stopped', async (step) => {
      await step.run('one', () => {
        began = true;
        return new Promise<void>((resolve) => {
          finish = () => {
            done.push('one');
            resolve();
          };
        });
      });
      await step.run('two', () => done.push('two'));
      return 'done';
    });
    const under = await open([flow]);
    const { runId } = await under.engine.start(flow, {});
    await eventually('the step began', () => began);
    const stopped = under.engine.stop(5_000);
    await assert.rejects(under.engine.start(flow, {}), { code: 'shutting_down' });
    finish();
    await stopped;
    assert.deepEqual(done, ['one']);
    const engine = await under.restart();
    assert.equal((await engine.wait(runId)).output, 'done');
    assert.deepEqual(done, ['one', 'two']);
  },
};
