import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { SignalboxError } from '../../core/errors.ts';
import { journalLimitBytes, operationLimit, valueLimitBytes } from '../engine.ts';
import type { Case } from './contract.ts';
import { eventually, flowOf, runToEnd, untilStatus } from './harness.ts';

/** Text of which the JSON has that many bytes, with characters of one, two, three and four bytes. */
function textOf(bytes: number): string {
  const start = 'aé€😀';
  return start + 'x'.repeat(bytes - 2 - Buffer.byteLength(start));
}

const hashOf = (text: string) => createHash('sha256').update(text).digest('hex');

const echo = flowOf('echo', async (_, input) => input);

/** Has a value of so many bytes in one place, and tells what came of it. */
const places = flowOf('places', async (step, input) => {
  const { bytes, where } = input as { bytes: number; where: string };
  switch (where) {
    case 'a child':
      return hashOf((await step.call('asks', echo, textOf(bytes))) as string);
    case 'a signal':
      return hashOf((await step.waitForSignal('go')).payload as string);
    case 'the output':
      return textOf(bytes);
    default: {
      const text = await step.run('gives', () => textOf(bytes));
      if (where === 'before a signal') await step.waitForSignal('go');
      return hashOf(text);
    }
  }
});

export const sizeCases: Record<string, Case> = {
  'values of 255 KiB to 32 MiB pass in each place, larger ones are refused, counted in bytes': async (
    open,
  ) => {
    const { engine } = await open([places, echo]);
    for (const where of ['a result', 'a child', 'a signal', 'the output']) {
      for (const bytes of [255 * 1024, journalLimitBytes, journalLimitBytes + 1, 1024 * 1024]) {
        const { runId } = await engine.start(places, { bytes, where });
        if (where === 'a signal') await engine.signal(runId, 'go', textOf(bytes));
        const { status, output, error } = await engine.wait(runId);
        assert.equal(status, 'succeeded', `${where} ${bytes} ${error?.message}`);
        assert.equal(output, where === 'the output' ? textOf(bytes) : hashOf(textOf(bytes)), where);
      }
    }
    assert.equal((await runToEnd(engine, echo, textOf(1024 * 1024))).output, textOf(1024 * 1024));
    const largest = textOf(valueLimitBytes);
    assert.equal(
      (await runToEnd(engine, places, { bytes: valueLimitBytes, where: 'a result' })).output,
      hashOf(largest),
    );
    const { error } = await runToEnd(engine, places, { bytes: valueLimitBytes + 1, where: 'a result' });
    assert.equal(error!.code, 'payload_over_limit');
    assert.match(error!.message, new RegExp(`"gives".*${valueLimitBytes + 1}.*${valueLimitBytes}`));
    await assert.rejects(engine.start(echo, `${largest}x`), { code: 'payload_over_limit' });
  },

  'while the objects are away a step whose result is too large for the journal is not made again': async (
    open,
  ) => {
    const large = textOf(300 * 1024);
    let made = 0;
    const flow = flowOf('makes', async (step) => {
      const text = await step.run('gives', () => {
        made += 1;
        return large;
      });
      return hashOf(text);
    });
    const { engine, objects } = await open([flow, echo]);
    const { put } = objects;
    let refused = 0;
    objects.put = async () => {
      refused += 1;
      throw new SignalboxError('storage_failed', 'The objects are away.');
    };
    const { runId } = await engine.start(flow, {});
    await eventually('its result was to be kept three times', () => refused >= 3);
    assert.equal(made, 1);
    objects.put = put;
    await runToEnd(engine, echo, large);
    assert.equal((await engine.wait(runId)).output, hashOf(large));
    assert.equal(made, 2);
  },

  'large values outlive restarts, reach the flow in order, and lists and histories name them only': async (
    open,
  ) => {
    const large = textOf(300 * 1024);
    const order: string[] = [];
    const flow = flowOf('keeps', async (step, input) => {
      const seen: string[] = [];
      await Promise.all([
        step.run('large', () => large).then(() => seen.push('large')),
        step.run('small', () => 1).then(() => seen.push('small')),
        step.waitForSignal('first').then(() => seen.push('first')),
      ]);
      const { payload } = await step.waitForSignal('go');
      order.push(seen.join());
      return [hashOf(input as string), hashOf(payload as string)];
    });
    const under = await open([flow]);
    const { runId } = await under.engine.start(flow, large);
    await under.engine.signal(runId, 'first', large);
    await untilStatus(under.engine, runId, 'waiting');
    let engine = await under.restart();
    engine = await under.restart();
    const [listed] = (await engine.list()).runs;
    assert.ok(JSON.stringify(listed).length < 2_000, 'a list does not carry it');
    const history = await engine.history(runId);
    assert.ok(JSON.stringify(history).length < 4_000, 'nor does a history');
    assert.equal((await engine.get(runId))!.input, large);
    await engine.signal(runId, 'go', large);
    const { output } = await engine.wait(runId);
    assert.deepEqual(output, [hashOf(large), hashOf(large)]);
    assert.equal(new Set(order).size, 1, `${order}`);
  },

  'a value that looks like a reference is what it is': async (open) => {
    const spoof = { '$signalbox:value': { key: 'values/other/secret.json', bytes: 1, sha256: 'x' } };
    const flow = flowOf('spoofs', async (step, input) => {
      const { payload } = await step.waitForSignal('go');
      return [input, payload, await step.run('gives', () => spoof), await step.call('asks', echo, spoof)];
    });
    const under = await open([flow, echo]);
    const { runId } = await under.engine.start(flow, spoof);
    await untilStatus(under.engine, runId, 'waiting');
    const engine = await under.restart();
    await engine.signal(runId, 'go', spoof);
    assert.deepEqual((await engine.wait(runId)).output, [spoof, spoof, spoof, spoof]);
  },

  'a large value that is gone or altered pauses the run, which goes on once it is back': async (open) => {
    const under = await open([places]);
    const { runId } = await under.engine.start(places, { bytes: 300 * 1024, where: 'before a signal' });
    await untilStatus(under.engine, runId, 'waiting');
    let engine = await under.restart();
    const [key] = await under.objects.list('values/');
    const body = (await under.objects.get(key!))!;
    for (const harm of [() => under.objects.delete(key!), () => under.objects.put(key!, '"another"')]) {
      await harm();
      engine = await under.restart();
      await engine.signal(runId, 'go', null, { occurrence: 1 });
      const { status, error } = await engine.wait(runId);
      assert.deepEqual([status, error!.code], ['paused', 'run_unreadable']);
      assert.match(error!.message, new RegExp(key!));
    }
    await under.objects.put(key!, body);
    await engine.resume(runId);
    await eventually('it goes on', async () => (await engine.get(runId))!.status === 'succeeded');
    assert.equal((await engine.wait(runId)).output, hashOf(textOf(300 * 1024)));
  },

  'a run with a large input that failed can be started anew': async (open) => {
    const large = textOf(300 * 1024);
    let fails = true;
    const flow = flowOf('fails-first', async (_, input) => {
      if (fails) throw new Error('no');
      return input;
    });
    const under = await open([flow]);
    const key = { key: 'large', fingerprint: 'f', expiresAt: Date.now() + 60_000 };
    const { runId } = await under.engine.start(flow, large, { idempotency: key });
    assert.equal((await under.engine.wait(runId)).status, 'failed');
    assert.equal((await under.engine.start(flow, large, { idempotency: key })).input, large);
    fails = false;
    const engine = await under.restart();
    const again = await engine.restart(runId);
    assert.equal(again.input, large);
    // What is kept for a run goes with it.
    for (const of of await under.objects.list(`values/${runId}/`)) await under.objects.delete(of);
    assert.equal((await engine.wait(again.runId)).output, large);
  },

  'nothing is kept as it was given: undefined, null, empty texts and objects': async (open) => {
    const values = [undefined, null, '', {}, [], 0, false, { deep: [{ empty: {} }] }, '\u0000\ud800"\\'];
    const lives: unknown[][] = [];
    const flow = flowOf('nothing', async (step) => {
      const seen: unknown[] = [];
      for (const [index, value] of values.entries()) seen.push(await step.run(`value ${index}`, () => value));
      lives.push(seen);
      await step.waitForSignal('go');
    });
    const under = await open([flow]);
    const { runId } = await under.engine.start(flow, undefined);
    await untilStatus(under.engine, runId, 'waiting');
    const engine = await under.restart();
    await engine.signal(runId, 'go', null);
    const { status, output } = await engine.wait(runId);
    assert.equal(status, 'succeeded');
    assert.ok(output === undefined || output === null);
    assert.ok(lives.length >= 2);
    for (const life of lives) assert.deepEqual(life, values);
  },

  'what a flow does to a value that it was given does not change the journal': async (open) => {
    const flow = flowOf('mutates', async (step) => {
      const list = await step.run('gives', () => ['one']);
      list.push('two');
      await step.waitForSignal('go');
      return list;
    });
    const under = await open([flow]);
    const { runId } = await under.engine.start(flow, {});
    await untilStatus(under.engine, runId, 'waiting');
    const engine = await under.restart();
    assert.deepEqual((await engine.history(runId))[0]!.result, ['one']);
    await engine.signal(runId, 'go', null);
    assert.deepEqual((await engine.wait(runId)).output, ['one', 'two']);
  },

  'as many operations as the limit pass, ten thousand at once are refused': async (open) => {
    const flow = flowOf('many', async (step, input) => {
      const steps = Array.from({ length: input as number }, (_, n) => step.run(`step ${n}`, () => n));
      return (await Promise.all(steps)).length;
    });
    const { engine } = await open([flow]);
    assert.equal((await runToEnd(engine, flow, operationLimit)).output, operationLimit);
    const { error } = await runToEnd(engine, flow, 10_000);
    assert.equal(error!.code, 'too_many_operations');
    assert.match(error!.message, new RegExp(`${operationLimit}.*"step ${operationLimit}"`));
  },
};
