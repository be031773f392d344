import assert from 'node:assert/strict';
import type { Flow } from '../flow.ts';
import type { Case } from './contract.ts';
import { eventually, flowOf, runToEnd, untilStatus } from './harness.ts';

const waiting = flowOf('waiting', async (step, input) => [input, (await step.waitForSignal('go')).payload]);

export const childCases: Record<string, Case> = {
  'two calls of one name are two children, also when the process ends in between': async (open) => {
    const parent = flowOf('parent', async (step) => {
      const first = await step.call('same', waiting, 1);
      return [first, await step.call('same', waiting, 2)];
    });
    const under = await open([parent, waiting]);
    let { engine } = under;
    const { runId } = await engine.start(parent, {});
    for (const [position, payload] of ['one', 'two'].entries()) {
      await eventually('it has called', async () => (await engine.history(runId)).length === position + 1);
      await untilStatus(engine, runId, 'waiting');
      engine = await under.restart();
      const { childRunId } = (await engine.history(runId))[position]!;
      await engine.signal(childRunId!, 'go', payload);
    }
    assert.deepEqual((await engine.wait(runId)).output, [
      [1, 'one'],
      [2, 'two'],
    ]);
    assert.equal((await engine.list({ flow: 'waiting' })).runs.length, 2);
  },

  'a parent that was cut off again and again has begun each child once': async (open) => {
    const parent = flowOf('parent', async (step) => {
      const started = await step.start('begins', waiting, 'started');
      const called = await step.call('asks', waiting, 'called');
      return [started, called];
    });
    const under = await open([parent, waiting]);
    const { runId } = await under.engine.start(parent, {});
    let engine = under.engine;
    for (let life = 0; life < 4; life++) engine = await under.restart();
    await eventually(
      'both are there',
      async () => (await engine.list({ flow: 'waiting' })).runs.length === 2,
    );
    await untilStatus(engine, runId, 'waiting');
    const [started, called] = (await engine.history(runId)).map(({ childRunId }) => childRunId!);
    await engine.signal(called!, 'go', 'on');
    assert.deepEqual((await engine.wait(runId)).output, [started, ['called', 'on']]);
    assert.equal((await engine.list({ flow: 'waiting' })).runs.length, 2);
  },

  'a parent may end before the child that it called, which goes on': async (open) => {
    const parent = flowOf('parent', (step) =>
      Promise.race([step.call('asks', waiting, 'left alone'), step.sleep('limit', 20).then(() => 'limit')]),
    );
    const under = await open([parent, waiting]);
    const { runId, output } = await runToEnd(under.engine, parent);
    assert.equal(output, 'limit');
    const { childRunId } = (await under.engine.history(runId))[0]!;
    const engine = await under.restart();
    await engine.signal(childRunId!, 'go', 'on');
    assert.deepEqual((await engine.wait(childRunId!)).output, ['left alone', 'on']);
    assert.deepEqual((await engine.get(runId))!.output, 'limit');
  },

  'a child of a flow that nobody registered, or with an input that does not fit, fails at the call by name':
    async (open) => {
      const unknown = flowOf('nobody-knows', async () => null);
      const parent = flowOf('parent', async (step, input) => {
        const flow: Flow<unknown, unknown> = input === 'unknown' ? unknown : waiting;
        try {
          await step.call('asks', flow, input === 'unknown' ? {} : new Map());
        } catch (error) {
          await step.run('goes on', () => null);
          return (error as { code: string }).code;
        }
        return 'not reached';
      });
      const { engine } = await open([parent, waiting]);
      assert.equal((await runToEnd(engine, parent, 'unknown')).output, 'unknown_flow');
      assert.equal((await runToEnd(engine, parent, 'odd input')).output, 'result_not_json');
      assert.equal((await engine.list()).runs.length, 2, 'no child was begun');
    },

  'children of children: a value goes all the way up, and a cancellation all the way down': async (open) => {
    const deep: Flow<unknown, unknown> = flowOf('deep', async (step, input) => {
      const depth = input as number;
      if (depth === 0) return (await step.waitForSignal('go')).payload;
      return [depth, await step.call('deeper', deep, depth - 1)];
    });
    const under = await open([deep]);
    let { engine } = under;
    const bottomOf = async (runId: string): Promise<string> => {
      await untilStatus(engine, runId, 'waiting');
      const { childRunId } = (await engine.history(runId))[0]!;
      return childRunId === undefined ? runId : bottomOf(childRunId);
    };
    const [up, down] = [await engine.start(deep, 3), await engine.start(deep, 3)];
    const bottoms = [await bottomOf(up.runId), await bottomOf(down.runId)] as const;
    engine = await under.restart();
    await engine.signal(bottoms[0], 'go', 'up');
    assert.deepEqual((await engine.wait(up.runId)).output, [3, [2, [1, 'up']]]);
    await engine.cancel(down.runId, 'all the way');
    assert.equal((await engine.wait(down.runId)).status, 'cancelled');
    const { status, error } = await engine.wait(bottoms[1]);
    assert.equal(status, 'cancelled');
    assert.match(error!.message, /all the way/);
  },
};
