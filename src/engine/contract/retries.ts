import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { SignalboxError } from '../../core/errors.ts';
import type { RetryPolicy } from '../../core/retry.ts';
import type { Case } from './contract.ts';
import { eventually, flowOf, runToEnd } from './harness.ts';

/** A flow of one step that always fails, and when its attempts began. */
function failing(retry: RetryPolicy, error: () => unknown = () => new Error('no')) {
  const at: number[] = [];
  const flow = flowOf('failing', (step) =>
    step.run(
      'fails',
      () => {
        at.push(performance.now());
        throw error();
      },
      { retry },
    ),
  );
  const waits = () => at.slice(1).map((time, index) => time - at[index]!);
  return { flow, at, waits };
}

const thrown: Readonly<Record<string, () => unknown>> = {
  undefined: () => undefined,
  null: () => null,
  'a text': () => 'text',
  'a symbol': () => Symbol('symbol'),
  'an object without a prototype': () => Object.create(null) as object,
  'an object that can not be shown': () => ({
    toString() {
      throw new Error('not shown');
    },
  }),
  'an error whose message can not be read': () =>
    Object.defineProperty(new Error('hidden'), 'message', {
      get() {
        throw new Error('not read');
      },
    }),
  'an error of ten megabytes': () => new Error('x'.repeat(10_000_000)),
};

export const retryCases: Record<string, Case> = {
  'the waits between attempts are those of the policy, ten percent more or less, and the last one repeats':
    async (open) => {
      const { flow, waits } = failing({ maxAttempts: 4, delaysMs: [30, 60] });
      const { engine } = await open([flow]);
      assert.equal((await runToEnd(engine, flow)).status, 'failed');
      const [first, second, third, ...rest] = waits();
      assert.deepEqual(rest, []);
      // Half a millisecond is what a clock of whole ones may be off.
      assert.ok(first! >= 26.5 && second! >= 53.5 && third! >= 53.5, `${waits()}`);
    },

  'a longer wait that the other side asks for is kept': async (open) => {
    const busy = () => new SignalboxError('rate_limited', 'later', { retryAfterMs: 120 });
    const { flow, waits } = failing({ maxAttempts: 2, delaysMs: [1] }, busy);
    const { engine } = await open([flow]);
    await runToEnd(engine, flow);
    assert.equal(waits().length, 1);
    assert.ok(waits()[0]! >= 119, `${waits()}`);
  },

  'no attempt begins when the time for all of them is over': async (open) => {
    const { flow, at } = failing({ maxAttempts: 1_000, delaysMs: [40], maxElapsedMs: 150 });
    const { engine } = await open([flow]);
    assert.equal((await runToEnd(engine, flow)).error!.code, 'step_failed');
    // Without the bound there would be a thousand; one that is planned in time and begins late counts as in time.
    assert.ok(at.length >= 1 && at.length <= 4, `${at.length} attempts: ${at}`);
  },

  'a step that was under way when the process ended is made again under the same key': async (open) => {
    const keys: string[] = [];
    const flow = flowOf('cut-off', (step) =>
      step.run('takes long', ({ idempotencyKey }) => {
        keys.push(idempotencyKey);
        return keys.length === 1 ? new Promise(() => {}) : 'again';
      }),
    );
    const under = await open([flow]);
    const { runId } = await under.engine.start(flow, {});
    await eventually('the step began', () => keys.length === 1);
    const engine = await under.restart();
    assert.equal((await engine.wait(runId)).output, 'again');
    assert.deepEqual(keys, [`${runId}/0`, `${runId}/0`]);
  },

  'a branch that fails does not wait for the others, which are recorded all the same': async (open) => {
    let letGo = () => {};
    let ended = false;
    const flow = flowOf('side-by-side', async (step) => {
      const slow = step.run('slow', () => new Promise<string>((resolve) => (letGo = () => resolve('slow'))));
      const quick = step.run('fails', () => Promise.reject(new Error('no')), {
        retry: { maxAttempts: 2, delaysMs: [5] },
      });
      const error = await Promise.all([slow, quick]).catch((reason: Error) => reason.message);
      await step.run('goes on', () => (ended = true));
      return [error, await slow];
    });
    const { engine } = await open([flow]);
    const { runId } = await engine.start(flow, {});
    await eventually('the flow has gone on', () => ended);
    letGo();
    const [error, slow] = (await engine.wait(runId)).output as [string, string];
    assert.match(error, /no/);
    assert.equal(slow, 'slow');
  },

  'whatever is thrown, in a step, later in a step or outside: the run fails alone': async (open) => {
    const flow = flowOf('throws', async (step, input) => {
      const { where, what } = input as { where: string; what: string };
      const work = () => {
        throw thrown[what]!();
      };
      if (where === 'outside') work();
      const later = () => setImmediate().then(work);
      await step.run('throws', where === 'later' ? later : work, {
        retry: { maxAttempts: 2, delaysMs: [1] },
      });
    });
    const neighbour = flowOf('neighbour', (step) => step.run('fine', () => 'fine'));
    const { engine } = await open([flow, neighbour]);
    for (const what of Object.keys(thrown)) {
      for (const where of ['inside', 'later', 'outside']) {
        const run = await runToEnd(engine, flow, { where, what });
        assert.equal(run.status, 'failed', `${what} ${where}`);
        assert.equal(run.error!.code, where === 'outside' ? 'run_failed' : 'step_failed');
        assert.ok(run.error!.message.length < 20_000);
      }
    }
    assert.equal((await runToEnd(engine, neighbour)).output, 'fine');
  },
};
