import assert from 'node:assert/strict';
import { journalLimitBytes, operationLimit } from '../engine.ts';
import type { Case } from './contract.ts';
import { flowOf, runToEnd, untilStatus } from './harness.ts';

/** Text of which the JSON has that many bytes, with characters of one, two, three and four bytes. */
function textOf(bytes: number): string {
  const start = 'aé€😀';
  return start + 'x'.repeat(bytes - 2 - Buffer.byteLength(start));
}

const echo = flowOf('echo', async (_, input) => input);

export const sizeCases: Record<string, Case> = {
  '255 and 256 KiB pass in each place, 257 KiB and one byte more are refused, counted in bytes': async (
    open,
  ) => {
    const flow = flowOf('sizes', async (step, input) => {
      const { bytes, where } = input as { bytes: number; where: string };
      const text = textOf(bytes);
      if (where === 'a result') return (await step.run('gives', () => text)).length;
      if (where === 'the input of a child') return ((await step.call('asks', echo, text)) as string).length;
      if (where === 'a signal') return ((await step.waitForSignal('go')).payload as string).length;
      return text;
    });
    const { engine } = await open([flow, echo]);
    for (const where of ['a result', 'the input of a child', 'the output']) {
      for (const bytes of [255 * 1024, journalLimitBytes]) {
        assert.equal(
          (await runToEnd(engine, flow, { bytes, where })).status,
          'succeeded',
          `${where} ${bytes}`,
        );
      }
      for (const bytes of [journalLimitBytes + 1, 257 * 1024]) {
        const { error } = await runToEnd(engine, flow, { bytes, where });
        assert.equal(error!.code, 'payload_over_limit', `${where} ${bytes}`);
        assert.match(error!.message, new RegExp(String(bytes)));
      }
    }
    await assert.rejects(engine.start(echo, textOf(journalLimitBytes + 1)), { code: 'payload_over_limit' });
    assert.equal((await runToEnd(engine, echo, textOf(journalLimitBytes))).status, 'succeeded');
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
