import assert from 'node:assert/strict';
import { SignalboxError } from '../../core/errors.ts';
import type { Step } from '../engine.ts';
import type { Case } from './contract.ts';
import { flowOf, runToEnd, untilStatus } from './harness.ts';

/** Each thing that no engine can do, as a flow might ask for it. */
const impossible: Readonly<Record<string, (step: Step) => Promise<unknown>>> = {
  'a sleep without a time': (step) => step.sleep('nap', Number.NaN),
  'a sleep of nothing at all': (step) => step.sleep('nap', undefined as unknown as number),
  'a timeout that is no number': (step) => step.waitForSignal('go', { timeoutMs: Number.NaN }),
  'a step timeout that is no number': (step) => step.run('work', () => 1, { timeoutMs: Number.NaN }),
  'a delay that is no number': (step) =>
    step.run('work', () => 1, { retry: { maxAttempts: 2, delaysMs: [Number.NaN] } }),
  'no attempts': (step) => step.run('work', () => 1, { retry: { maxAttempts: 0, delaysMs: [] } }),
  'half a character in a name': (step) => step.run('\ud800', () => 1),
  'no name': (step) => step.sleep('', 1),
  'a name that never ends': (step) => step.run('x'.repeat(5_000_000), () => 1),
};

const asksFor = flowOf('asks-for', async (step, input) => {
  await step.run('before', () => 1);
  const refused = await impossible[input as string]!(step).catch((error: SignalboxError) => error.code);
  await step.waitForSignal('leave memory');
  return step.run('after', () => refused);
});

const waitsLong = flowOf('waits-long', async (step, timeoutMs) => {
  const { timedOut } = await step.waitForSignal('go', { timeoutMs: timeoutMs as number });
  return timedOut;
});
const naps = flowOf('naps', async (step) => step.sleep('nap', 50));

/** Values that are something else once they have been JSON. */
const shared = { n: 1 };
const looksOf = (value: { z: number; u?: number; a: { n: number }; b: { n: number } }) => [
  Object.is(value.z, -0),
  'u' in value,
  value.a === value.b,
];
const looks = flowOf('looks', async (step, input) => {
  const result = await step.run('makes', () => ({ z: -0, u: undefined, a: shared, b: shared }));
  const seen = [looksOf(result as never), looksOf(input as never)];
  await step.waitForSignal('go');
  return step.run('says', () => seen);
});

const deep = flowOf('deep', async (step) =>
  step.run('nests', () => {
    let value: unknown = 1;
    for (let level = 0; level < 100_000; level++) value = [value];
    return value as never;
  }),
);

const throwsOddly = flowOf('throws-oddly', async (_, input) => {
  if (input === 'details') throw new SignalboxError('step_failed', 'odd', { details: { big: 1n } });
  throw new Proxy({}, { getPrototypeOf: () => assert.fail('looked at') });
});

export const refusalCases: Record<string, Case> = {
  'what can not be done is refused by name, and in the same way at a replay': async (open) => {
    const under = await open([asksFor]);
    const started = new Map<string, string>();
    for (const what of Object.keys(impossible)) {
      const { runId } = await under.engine.start(asksFor, what);
      await untilStatus(under.engine, runId, 'waiting');
      started.set(runId, what);
    }
    const engine = await under.restart();
    for (const [runId, what] of started) {
      await engine.signal(runId, 'leave memory', null);
      const { status, output, error } = await engine.wait(runId);
      assert.deepEqual([status, output, error], ['succeeded', 'invalid_request', undefined], what);
    }
  },

  'a wait of any length leaves the others alone, and takes its signal': async (open) => {
    const { engine } = await open([waitsLong, naps]);
    const endless = [Number.MAX_SAFE_INTEGER, 1e300].map((timeoutMs) => engine.start(waitsLong, timeoutMs));
    for (const { runId } of await Promise.all(endless)) {
      await untilStatus(engine, runId, 'waiting');
      assert.equal((await runToEnd(engine, naps)).status, 'succeeded');
      assert.equal((await engine.history(runId)).length, 1);
      await engine.signal(runId, 'go', 1);
      assert.equal((await engine.wait(runId)).output, false);
    }
  },

  'what a flow is given is what it is given again at a replay': async (open) => {
    const under = await open([looks]);
    const { runId } = await under.engine.start(looks, { z: -0, u: undefined, a: shared, b: shared });
    await untilStatus(under.engine, runId, 'waiting');
    const engine = await under.restart();
    await engine.signal(runId, 'go', 1);
    const { status, output } = await engine.wait(runId);
    assert.deepEqual([status, output], ['succeeded', Array(2).fill([false, false, false])]);
  },

  'a result that is nested without end is refused at the step by name': async (open) => {
    const { engine } = await open([deep]);
    const { status, error } = await runToEnd(engine, deep);
    assert.deepEqual([status, error!.code], ['failed', 'result_not_json']);
    assert.match(error!.message, /step "nests"/);
  },

  'whatever a flow throws, it fails alone': async (open) => {
    const { engine } = await open([throwsOddly, naps]);
    for (const input of ['details', 'proxy']) {
      const { status } = await runToEnd(engine, throwsOddly, input);
      assert.equal(status, 'failed', input);
    }
    assert.equal((await runToEnd(engine, naps)).status, 'succeeded');
  },

  'a signal for a wait that can not be is refused; so is a name that can not be kept': async (open) => {
    const { engine } = await open([waitsLong]);
    const { runId } = await engine.start(waitsLong, 3_600_000);
    const invalid = { code: 'invalid_request' };
    for (const occurrence of [0, -5, 1.5, 1e15, Number.NaN]) {
      await assert.rejects(engine.signal(runId, 'go', 1, { occurrence }), invalid);
    }
    await assert.rejects(engine.signal(runId, '\udc00', 1), invalid);
    const idempotency = { key: '\ud800', fingerprint: 'f', expiresAt: Date.now() + 60_000 };
    await assert.rejects(engine.start(waitsLong, 1, { idempotency }), invalid);
    await engine.terminate(runId);
  },

  'who has given up waiting before it begins is told so': async (open) => {
    const { engine } = await open([waitsLong]);
    const { runId } = await engine.start(waitsLong, 3_600_000);
    await assert.rejects(engine.wait(runId, { signal: AbortSignal.abort(new Error('gone')) }), /gone/);
    await engine.terminate(runId);
  },
};
