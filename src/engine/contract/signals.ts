import assert from 'node:assert/strict';
import type { Json } from '../../core/json.ts';
import { valueLimitBytes } from '../engine.ts';
import type { Case } from './contract.ts';
import { eventually, flowOf, untilStatus } from './harness.ts';

const names = ['a', 'b', 'c'];

/** Waits for three names, one after the other, each time for one value. */
const oneByOne = flowOf('one-by-one', async (step) => {
  const seen: unknown[] = [];
  for (const name of names) seen.push((await step.waitForSignal(name)).payload);
  return seen;
});

const orders = [
  ['a', 'b', 'c'],
  ['a', 'c', 'b'],
  ['b', 'a', 'c'],
  ['b', 'c', 'a'],
  ['c', 'a', 'b'],
  ['c', 'b', 'a'],
];

export const signalCases: Record<string, Case> = {
  'signals of several names come in every order, before the wait and during it': async (open) => {
    const under = await open([oneByOne]);
    let { engine } = under;
    const runs = await Promise.all(orders.map(() => engine.start(oneByOne, {})));
    for (let turn = 0; turn < names.length; turn++) {
      for (const [index, { runId }] of runs.entries()) {
        const name = orders[index]![turn]!;
        await engine.signal(runId, name, `for ${name}`);
      }
      if (turn === 1) engine = await under.restart();
    }
    for (const { runId } of runs)
      assert.deepEqual(
        (await engine.wait(runId)).output,
        names.map((name) => `for ${name}`),
      );
  },

  'a value and a timeout, each first once: the one that was first stays it at every replay': async (open) => {
    const flow = flowOf('either', async (step) => {
      const first = await step.waitForSignal('go', { timeoutMs: 60 });
      await step.waitForSignal('end');
      return first;
    });
    const under = await open([flow]);
    let { engine } = under;
    const [early, late] = await Promise.all([engine.start(flow, {}), engine.start(flow, {})]);
    await engine.signal(early.runId, 'go', 'in time', { occurrence: 1 });
    for (const { runId } of [early, late]) {
      await eventually('the first wait is over', async () => (await engine.history(runId)).length === 2);
      await untilStatus(engine, runId, 'waiting');
    }
    for (let replay = 0; replay < 2; replay++) {
      for (const { runId } of [early, late]) {
        assert.equal(await engine.signal(runId, 'go', 'again', { occurrence: 1 }), 'duplicate');
      }
      engine = await under.restart();
    }
    for (const { runId } of [early, late]) await engine.signal(runId, 'end', null);
    assert.deepEqual((await engine.wait(early.runId)).output, { timedOut: false, payload: 'in time' });
    assert.deepEqual((await engine.wait(late.runId)).output, { timedOut: true });
  },

  'values and timeouts at the same moment: each wait has one outcome, and the sender is told which': async (
    open,
  ) => {
    const flow = flowOf('close', async (step) => {
      const { timedOut } = await step.waitForSignal('go', { timeoutMs: 40 });
      await step.waitForSignal('end');
      return timedOut;
    });
    const under = await open([flow]);
    const runs = await Promise.all(Array.from({ length: 60 }, () => under.engine.start(flow, {})));
    const startedAt = Date.now();
    const outcomes = await Promise.all(
      runs.map(async ({ runId }, n) => {
        const at = startedAt + 20 + (n % 40);
        while (Date.now() < at) await new Promise((resolve) => setTimeout(resolve, 1));
        return under.engine.signal(runId, 'go', n, { occurrence: 1 });
      }),
    );
    const engine = await under.restart();
    for (const [index, { runId }] of runs.entries()) {
      await engine.signal(runId, 'end', null);
      const { output, status } = await engine.wait(runId);
      assert.deepEqual([status, output], ['succeeded', outcomes[index] === 'duplicate']);
    }
  },

  'twenty senders at once and twenty waits: each value is taken once': async (open) => {
    const flow = flowOf('collects', async (step) => {
      const seen: unknown[] = [];
      while (seen.length < 20) seen.push((await step.waitForSignal('go')).payload);
      return seen;
    });
    const { engine } = await open([flow]);
    const { runId } = await engine.start(flow, {});
    const values = Array.from({ length: 20 }, (_, n) => n);
    await Promise.all(values.map((n) => engine.signal(runId, 'go', n)));
    const output = (await engine.wait(runId)).output as number[];
    assert.deepEqual(
      output.toSorted((a, b) => a - b),
      values,
    );
  },

  'a value that is sent again with its key is taken once: before the wait, after it, and after the end':
    async (open) => {
      const flow = flowOf('keyed', async (step) => {
        const seen: unknown[] = [];
        while (seen.length < 3) seen.push((await step.waitForSignal('go')).payload);
        return seen;
      });
      const under = await open([flow]);
      let { engine } = under;
      const { runId } = await engine.start(flow, {});
      const send = (payload: string, key: string) => engine.signal(runId, 'go', payload, { key });
      const first = await Promise.all(Array.from({ length: 5 }, () => send('one', 'k1')));
      assert.equal(first.filter((outcome) => outcome === 'duplicate').length, 4);
      assert.equal(await engine.signal(runId, 'other', 'for another name', { key: 'k1' }), 'kept');
      engine = await under.restart();
      assert.equal(await send('one', 'k1'), 'duplicate');
      assert.notEqual(await send('two', 'k2'), 'duplicate');
      assert.equal(await send('one', 'k1'), 'duplicate');
      assert.notEqual(await send('three', 'k3'), 'duplicate');
      assert.deepEqual((await engine.wait(runId)).output, ['one', 'two', 'three']);
      assert.equal(await send('three', 'k3'), 'duplicate');
      await assert.rejects(send('four', 'k4'), { code: 'run_ended' });
      await assert.rejects(send('four', 'k4'), { code: 'run_ended' });
    },

  'a value that can not be kept is refused by the name of the signal, and the wait goes on': async (open) => {
    const { engine } = await open([oneByOne]);
    const { runId } = await engine.start(oneByOne, {});
    await untilStatus(engine, runId, 'waiting');
    const tooLong = 'x'.repeat(valueLimitBytes - 1);
    await assert.rejects(engine.signal(runId, 'a', tooLong), { code: 'payload_over_limit', message: /"a"/ });
    const noJson = new Date() as unknown as Json;
    await assert.rejects(engine.signal(runId, 'a', noJson), {
      code: 'result_not_json',
      message: /"a".*Date/,
    });
    assert.equal((await engine.get(runId))!.status, 'waiting');
    for (const name of names) await engine.signal(runId, name, name);
    assert.equal((await engine.wait(runId)).status, 'succeeded');
  },

  'an ended run takes no signal, whatever its end was': async (open) => {
    const flow = flowOf('ends', async (step, input) => {
      if (input === 'fails') throw new Error('no');
      if (input === 'waits') await step.waitForSignal('go');
      return null;
    });
    const { engine } = await open([flow]);
    const runs = await Promise.all(['succeeds', 'fails', 'waits'].map((input) => engine.start(flow, input)));
    await untilStatus(engine, runs[2]!.runId, 'waiting');
    await engine.cancel(runs[2]!.runId);
    for (const { runId } of runs) {
      await engine.wait(runId);
      await assert.rejects(engine.signal(runId, 'go', null), { code: 'run_ended' });
    }
  },
};
