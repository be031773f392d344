import assert from 'node:assert/strict';
import { SignalboxError } from '../../core/errors.ts';
import type { Fact } from '../engine.ts';
import type { Case } from './contract.ts';
import { eventually, flowOf, runToEnd, untilStatus } from './harness.ts';

const quick = (maxAttempts: number) => ({ retry: { maxAttempts, delaysMs: [5] } });
const fact = (type: string): Fact => ({ type, subject: 'subject', data: {} });

export const stepCases: Record<string, Case> = {
  'steps run in order and their results come back': async (open) => {
    const flow = flowOf('adds', async (step, input) => {
      const one = await step.run('one', () => (input as { n: number }).n + 1);
      const two = await step.run('two', async () => one * 10);
      return { one, two };
    });
    const { engine } = await open([flow]);
    const run = await runToEnd(engine, flow, { n: 4 });
    assert.equal(run.status, 'succeeded');
    assert.deepEqual(run.output, { one: 5, two: 50 });
  },

  'a recorded step is not run again, and a replay gives the flow the same values': async (open) => {
    const calls: string[] = [];
    const seen: unknown[] = [];
    const flow = flowOf('once', async (step) => {
      const first = await step.run('first', () => {
        calls.push('first');
        return { at: calls.length, nothing: null };
      });
      const nothing = await step.run('nothing', () => undefined);
      seen.push([first, nothing, step.now(), step.uuid(), step.random()]);
      await step.waitForSignal('go');
      return step.run('last', () => calls.push('last'));
    });
    const under = await open([flow]);
    const { runId } = await under.engine.start(flow, {});
    await untilStatus(under.engine, runId, 'waiting');
    const engine = await under.restart();
    await engine.signal(runId, 'go', null);
    assert.equal((await engine.wait(runId)).status, 'succeeded');
    assert.deepEqual(calls, ['first', 'last']);
    assert.ok(seen.length >= 2);
    for (const again of seen) assert.deepEqual(again, seen[0]);
  },

  'a failing step is tried again with the same key, then its error comes out': async (open) => {
    const attempts: [number, string][] = [];
    const flow = flowOf('fails', async (step) => {
      await step.run(
        'always fails',
        (context) => {
          attempts.push([context.attempt, context.idempotencyKey]);
          throw new Error('no');
        },
        quick(3),
      );
    });
    const { engine } = await open([flow]);
    const run = await runToEnd(engine, flow);
    assert.equal(run.status, 'failed');
    assert.match(run.error!.message, /no/);
    assert.deepEqual(
      attempts.map(([attempt]) => attempt),
      [1, 2, 3],
    );
    assert.equal(new Set(attempts.map(([, key]) => key)).size, 1);
    assert.equal(attempts[0]![1], `${run.runId}/0`);
  },

  'a flow can catch what a step failed with, also at a replay': async (open) => {
    const flow = flowOf('catches', async (step) => {
      try {
        await step.run('fails', () => Promise.reject(new SignalboxError('agent_failed', 'gone')), quick(1));
      } catch (error) {
        await step.sleep('a moment', 1);
        return { code: (error as SignalboxError).code, message: (error as Error).message };
      }
      return 'not reached';
    });
    const { engine } = await open([flow]);
    const run = await runToEnd(engine, flow);
    assert.deepEqual(run.output, { code: 'agent_failed', message: 'gone' });
  },

  'an error that is not retryable ends the step at once': async (open) => {
    let attempts = 0;
    const flow = flowOf('terminal', (step) =>
      step.run(
        'refused',
        () => {
          attempts += 1;
          throw new SignalboxError('query_refused', 'never');
        },
        quick(5),
      ),
    );
    const { engine } = await open([flow]);
    assert.equal((await runToEnd(engine, flow)).error!.code, 'query_refused');
    assert.equal(attempts, 1);
  },

  'failed attempts count across a restart': async (open) => {
    const attempts: number[] = [];
    const flow = flowOf('counts', (step) =>
      step.run(
        'fails twice',
        ({ attempt }) => {
          attempts.push(attempt);
          if (attempt < 3) throw new Error(`attempt ${attempt}`);
          return attempt;
        },
        { retry: { maxAttempts: 3, delaysMs: [300] } },
      ),
    );
    const under = await open([flow]);
    const { runId } = await under.engine.start(flow, {});
    await eventually('a failed attempt is recorded', async () => {
      return (await under.engine.history(runId))[0]?.status === 'retrying';
    });
    const engine = await under.restart();
    assert.equal((await engine.wait(runId)).output, 3);
    assert.deepEqual(attempts, [1, 2, 3]);
  },

  'a delayed attempt that was under way when the process ended is made again': async (open) => {
    let lives = 1;
    let second = 0;
    const flow = flowOf('interrupted', (step) =>
      step.run(
        'fails once',
        ({ attempt }) => {
          // Long turns make the delay be over when the run comes to rest.
          const until = performance.now() + 1;
          while (performance.now() < until);
          if (attempt === 1) throw new Error('once');
          second += 1;
          return lives === 1 ? new Promise(() => {}) : 'in the second life';
        },
        { retry: { maxAttempts: 3, delaysMs: [0] } },
      ),
    );
    const under = await open([flow]);
    const runs = await Promise.all(Array.from({ length: 90 }, () => under.engine.start(flow, {})));
    await eventually('the second attempts are under way', () => second >= runs.length);
    lives = 2;
    const engine = await under.restart();
    for (const { runId } of runs) assert.equal((await engine.wait(runId)).output, 'in the second life');
  },

  'a step that takes too long is aborted and tried again': async (open) => {
    let aborted = 0;
    const flow = flowOf('slow', (step) =>
      step.run(
        'hangs once',
        ({ attempt, signal }) => {
          if (attempt > 1) return 'in time';
          signal.addEventListener('abort', () => {
            aborted += 1;
          });
          return new Promise(() => {});
        },
        { ...quick(2), timeoutMs: 30 },
      ),
    );
    const { engine } = await open([flow]);
    assert.equal((await runToEnd(engine, flow)).output, 'in time');
    assert.equal(aborted, 1);
  },

  'parallel steps: one fails, the others are recorded': async (open) => {
    const flow = flowOf('parallel', async (step) => {
      const results = await Promise.allSettled([
        step.run('a', async () => 'a'),
        step.run('b', () => Promise.reject(new Error('b')), quick(2)),
        step.run('c', async () => 'c'),
      ]);
      return results.map((result) => result.status);
    });
    const { engine } = await open([flow]);
    assert.deepEqual((await runToEnd(engine, flow)).output, ['fulfilled', 'rejected', 'fulfilled']);
  },

  'branches that run at once replay in the order in which they became durable': async (open) => {
    const orders: string[][] = [];
    const flow = flowOf('branches', async (step) => {
      const order: string[] = [];
      orders.push(order);
      const branch = async (name: string, delays: number[]) => {
        for (const [index, delayMs] of delays.entries()) {
          await step.run(`${name}${index}`, () => new Promise((resolve) => setTimeout(resolve, delayMs)));
          order.push(`${name}${index}`);
          // An odd number of turns between the steps must make no difference.
          for (let turn = 0; turn < index + name.length; turn++) await null;
        }
      };
      await Promise.all([branch('x', [9, 1, 5]), branch('yy', [1, 6, 2]), branch('zzz', [4, 4, 4])]);
      await step.waitForSignal('go');
      return order;
    });
    const under = await open([flow]);
    const runs = await Promise.all(Array.from({ length: 10 }, () => under.engine.start(flow, {})));
    for (const { runId } of runs) await untilStatus(under.engine, runId, 'waiting');
    const engine = await under.restart();
    for (const { runId } of runs) await engine.signal(runId, 'go', null);
    for (const { runId } of runs) assert.equal((await engine.wait(runId)).status, 'succeeded');
  },

  'two steps of the same name are two steps': async (open) => {
    const keys: string[] = [];
    const flow = flowOf('twins', async (step) => {
      for (let n = 0; n < 2; n++) await step.run('same', ({ idempotencyKey }) => keys.push(idempotencyKey));
    });
    const { engine } = await open([flow]);
    await runToEnd(engine, flow);
    assert.equal(new Set(keys).size, 2);
  },

  'facts are kept with the outcome of their attempt, each once': async (open) => {
    const flow = flowOf('facts', async (step) => {
      const failing = step.run(
        'tells and fails',
        (context) => {
          context.record(fact('of a failure'));
          throw new Error('once');
        },
        quick(1),
      );
      await failing.catch(() => {});
      await step.run(
        'tells twice',
        (context) => {
          context.record(fact(`attempt ${context.attempt}`));
          if (context.attempt === 1) throw new Error('again');
        },
        quick(2),
      );
      await step.start('child', child, {}, { facts: [fact('child started')] });
    });
    const child = flowOf('child', async () => null);
    const under = await open([flow, child]);
    const { runId } = await under.engine.start(flow, {}, { facts: [fact('started')] });
    await under.engine.wait(runId);
    const facts = await under.facts();
    assert.deepEqual(
      facts.map(({ type }) => type),
      ['started', 'of a failure', 'attempt 1', 'attempt 2', 'child started'],
    );
    assert.equal(new Set(facts.map(({ id }) => id)).size, 5);
  },

  'values that are not JSON are refused at the step by name': async (open) => {
    const cycle: Record<string, unknown> = {};
    cycle.self = cycle;
    const values: Record<string, unknown> = {
      'a bigint': 1n,
      NaN: { deep: [Number.NaN] },
      'a cycle': cycle,
      'a Date': new Date(),
      'a Map': new Map(),
      'a function': { f: () => 1 },
    };
    const flow = flowOf('not-json', async (step, input) => step.run('odd', () => values[input as string]));
    const { engine } = await open([flow]);
    for (const [seen] of Object.entries(values)) {
      const { error } = await runToEnd(engine, flow, seen);
      assert.equal(error!.code, 'result_not_json', seen);
      assert.match(error!.message, new RegExp(`"odd".*${seen}`));
    }
  },

  'more operations than the limit end the run with a clear error': async (open) => {
    const flow = flowOf('endless', async (step) => {
      for (;;) await step.run('more', () => null);
    });
    const { engine } = await open([flow]);
    const run = await runToEnd(engine, flow);
    assert.equal(run.error!.code, 'too_many_operations');
  },

  'a thousand steps at once': async (open) => {
    const flow = flowOf('wide', async (step) => {
      const all = await Promise.all(Array.from({ length: 1_000 }, (_, n) => step.run(`n${n}`, () => n)));
      return all.reduce((sum, n) => sum + n, 0);
    });
    const { engine } = await open([flow]);
    assert.equal((await runToEnd(engine, flow)).output, 499_500);
  },

  'a flow that throws outside a step fails alone': async (open) => {
    const bad = flowOf('bad', async () => {
      throw new TypeError('not my day');
    });
    const good = flowOf('good', async (step) => step.run('fine', () => 'fine'));
    const { engine } = await open([bad, good]);
    const [failed, fine] = await Promise.all([runToEnd(engine, bad), runToEnd(engine, good)]);
    assert.equal(failed.status, 'failed');
    assert.match(failed.error!.message, /not my day/);
    assert.equal(fine.output, 'fine');
  },
};
