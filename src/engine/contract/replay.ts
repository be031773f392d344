import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { type Fact, hasEnded, type Step } from '../engine.ts';
import type { Flow } from '../flow.ts';
import type { Case } from './contract.ts';
import { eventually, flowOf, runToEnd, untilStatus } from './harness.ts';

const fact = (type: string): Fact => ({ type, subject: 'subject', data: {} });

const doubles = flowOf('doubles', async (_, input) => (input as number) * 2);

/** Every kind of operation, with a wait before each of three ends. */
const everyKind = flowOf('every-kind', async (step) => {
  const seen: unknown[] = [step.now(), step.random(), step.uuid()];
  await step.run('tells', (context) => context.record(fact('told')));
  await step.waitForSignal('first');
  const [left, , doubled, failure] = await Promise.all([
    step.run('left', () => ({ text: 'ä', nothing: null })),
    step.sleep('a moment', 5),
    step.call('asks', doubles, 21),
    step
      .run('fails', () => Promise.reject(new Error('no')), { retry: { maxAttempts: 1, delaysMs: [] } })
      .catch((error: Error) => error.message),
  ]);
  seen.push(left, doubled, failure);
  seen.push(await step.waitForSignal('second'), step.now(), step.random(), step.uuid());
  await step.start('begins', doubles, 4, { facts: [fact('began')] });
  seen.push(await step.waitForSignal('never', { timeoutMs: 5 }));
  return seen;
});

/** A flow and what became of it: the journal of the one must not do for the other. */
interface Change {
  readonly before: (step: Step) => Promise<unknown>;
  readonly after: (step: Step) => Promise<unknown>;
}

const none = () => null;
const waits = (step: Step) => step.waitForSignal('go');

const changes: Readonly<Record<string, Change>> = {
  'two steps change places': {
    before: (step) =>
      step
        .run('a', none)
        .then(() => step.run('b', none))
        .then(() => waits(step)),
    after: (step) =>
      step
        .run('b', none)
        .then(() => step.run('a', none))
        .then(() => waits(step)),
  },
  'two branches change places': {
    before: (step) => Promise.all([step.run('a', none), step.sleep('b', 1)]).then(() => waits(step)),
    after: (step) => Promise.all([step.sleep('b', 1), step.run('a', none)]).then(() => waits(step)),
  },
  'a wait for another signal': {
    before: waits,
    after: (step) => step.waitForSignal('went'),
  },
  'a call becomes a start': {
    before: (step) => step.call('child', doubles, 1).then(() => waits(step)),
    after: (step) => step.start('child', doubles, 1).then(() => waits(step)),
  },
  'the last step before the wait is gone': {
    before: (step) =>
      step
        .run('a', none)
        .then(() => step.run('b', none))
        .then(() => waits(step)),
    after: (step) => step.run('a', none).then(() => waits(step)),
  },
  'the flow throws before it has come as far': {
    before: waits,
    after: async () => {
      throw new Error('not here');
    },
  },
};

export const replayCases: Record<string, Case> = {
  'a journal stays the same byte for byte, and no fact is told twice, however often it is replayed': async (
    open,
  ) => {
    const under = await open([everyKind, doubles]);
    const { runId } = await under.engine.start(everyKind, {}, { facts: [fact('asked')] });
    let { engine } = under;
    let journal: readonly string[] = [];
    for (const signal of ['first', 'second']) {
      const positions = signal === 'first' ? 2 : 7;
      await eventually('it waits', async () => (await engine.history(runId)).length === positions);
      await untilStatus(engine, runId, 'waiting');
      engine = await under.restart();
      const now = (await engine.history(runId)).map((operation) => JSON.stringify(operation));
      assert.deepEqual(now.slice(0, Math.max(0, journal.length - 1)), journal.slice(0, -1));
      journal = now;
      await engine.signal(runId, signal, signal);
    }
    const { output, status } = await engine.wait(runId);
    assert.equal(status, 'succeeded');
    const ended = JSON.stringify(await engine.history(runId));
    engine = await under.restart();
    assert.equal(JSON.stringify(await engine.history(runId)), ended);
    assert.deepEqual((await engine.get(runId))!.output, output);
    assert.deepEqual(
      (await under.facts()).map(({ type }) => type),
      ['asked', 'told', 'began'],
    );
  },

  'the history can be read at every stage, and ended operations stay as they are': async (open) => {
    const under = await open([everyKind, doubles]);
    const { engine } = under;
    const { runId } = await engine.start(everyKind, {});
    for (const signal of ['first', 'second']) await engine.signal(runId, signal, signal);
    const ended = new Map<number, string>();
    for (let over = false; !over; ) {
      await setImmediate();
      over = hasEnded((await engine.get(runId))!.status);
      const history = await engine.history(runId);
      assert.deepEqual(
        history.map(({ position }) => position),
        history.map((_, index) => index),
      );
      for (const operation of history.filter(({ endedAt }) => endedAt !== undefined)) {
        const text = JSON.stringify(operation);
        assert.equal(ended.get(operation.position) ?? text, text);
        ended.set(operation.position, text);
      }
    }
    assert.equal(ended.size, 9);
  },

  ...Object.fromEntries(
    Object.entries(changes).map(([title, { before, after }]): [string, Case] => [
      `changed code is noticed: ${title}`,
      async (open) => {
        const original = flowOf('changes', before);
        const under = await open([original, doubles]);
        const { runId } = await under.engine.start(original, {});
        await untilStatus(under.engine, runId, 'waiting');
        const changed: Flow<unknown, unknown> = flowOf('changes', after);
        let engine = await under.restart([changed, doubles]);
        await engine.signal(runId, 'go', 'on');
        const { status, error } = await engine.wait(runId);
        assert.deepEqual([status, error!.code], ['paused', 'flow_changed']);
        assert.match(error!.message, /journal has .* the code calls/);
        engine = await under.restart([original, doubles]);
        await engine.resume(runId);
        assert.deepEqual((await engine.wait(runId)).output, { timedOut: false, payload: 'on' });
      },
    ]),
  ),

  'changed arguments change nothing that the journal has': async (open) => {
    const asking = (n: number, napMs: number) =>
      flowOf('asking', async (step) => {
        const doubled = await step.call('asks', doubles, n);
        const stepped = await step.run('gives', () => n);
        await Promise.race([step.sleep('nap', napMs), step.waitForSignal('go')]);
        return [doubled, stepped, await step.run('then', () => n)];
      });
    const under = await open([asking(1, 3_600_000), doubles]);
    const { runId } = await under.engine.start(asking(1, 3_600_000), {});
    await eventually('it naps', async () => (await under.engine.history(runId)).length === 4);
    await untilStatus(under.engine, runId, 'waiting');
    const dueAt = (await under.engine.history(runId))[2]!.dueAt;
    const engine = await under.restart([asking(5, 0), doubles]);
    assert.equal((await engine.history(runId))[2]!.dueAt, dueAt);
    await engine.signal(runId, 'go', null);
    assert.deepEqual((await engine.wait(runId)).output, [2, 1, 5]);
  },

  'operations that are added behind all that the journal has are taken': async (open) => {
    const one = flowOf('grows', (step) => waits(step));
    const two = flowOf('grows', async (step) => [
      (await waits(step)).payload,
      await step.run('new', () => 'new'),
    ]);
    const under = await open([one]);
    const { runId } = await under.engine.start(one, {});
    await untilStatus(under.engine, runId, 'waiting');
    const engine = await under.restart([two]);
    await engine.signal(runId, 'go', 'on');
    assert.deepEqual((await engine.wait(runId)).output, ['on', 'new']);
  },

  'operations that nobody waits for neither hold up the end of a run nor undo it': async (open) => {
    const flow = flowOf('forgetful', async (step) => {
      step.waitForSignal('never');
      step.sleep('for long', 3_600_000);
      step.run('fails', () => Promise.reject(new Error('nobody hears of it'))).catch(() => {});
      return step.run('heard of', () => 'ended');
    });
    const under = await open([flow]);
    const { runId, output } = await runToEnd(under.engine, flow);
    assert.equal(output, 'ended');
    const engine = await under.restart();
    assert.deepEqual(
      [(await engine.get(runId))!.status, (await engine.list()).runs.length],
      ['succeeded', 1],
    );
  },
};
