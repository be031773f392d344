import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import Type from 'typebox';
import { Database } from '../../sqlite/database.ts';
import { eventually, flowOf, untilStatus } from '../contract/harness.ts';
import { seededRandom } from '../contract/random.ts';
import type { StampedFact, Step } from '../engine.ts';
import { defineFlow, type Flow } from '../flow.ts';
import { silentObserver } from '../observer.ts';
import { EmbeddedEngine } from './engine.ts';

/** Writes of one turn are one transaction: what was asked for first is in the journal before what the flow did next. */

let gate = Promise.withResolvers<void>();
const effects: string[] = [];

const child = flowOf('child', async (step) => {
  await step.run('effect', () => effects.push('child'));
  return step.waitForSignal('go');
});

const operations: Readonly<Record<string, (step: Step) => Promise<unknown>>> = {
  'a sleep': (step) => step.sleep('next', 3_600_000),
  'a wait': (step) => step.waitForSignal('never'),
  'a wait that has its signal': (step) => step.waitForSignal('kept'),
  'a call': (step) => step.call('next', child, {}),
  'a start': (step) => step.start('next', child, {}),
  'a step': (step) => step.run('next', (context) => context.record(fact) as never),
  'a step that fails': (step) => step.run('next', () => Promise.reject(new Error('no'))),
};
const fact = { type: 'done', subject: 's', data: {} };

/** Goes on with an operation when the gate opens, and undoes with another one what it did. */
const racing = flowOf('racing', async (step, input) => {
  await step.run('begins', () => null);
  await gate.promise;
  try {
    await operations[input as string]!(step);
    await step.sleep('long', 3_600_000);
  } catch (error) {
    await step.run('undoes', () => effects.push('undone'));
    throw error;
  }
});

const flows = [racing, child] as unknown as Flow<never>[];

interface OpenOptions {
  /** The folder of another engine, as it is on disk at this moment. */
  readonly crashed?: string;
}

function open(context: TestContext, more: readonly Flow<never>[] = [], options: OpenOptions = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-races-'));
  if (options.crashed !== undefined) cpSync(options.crashed, folder, { recursive: true });
  const database = new Database(join(folder, 'journal.sqlite'));
  const facts: StampedFact[] = [];
  const writeFacts = (_: unknown, written: readonly StampedFact[]) => void facts.push(...written);
  const engine = new EmbeddedEngine({
    ...{ database, flows: [...flows, ...more], writeFacts },
    observer: silentObserver,
  });
  engine.recover();
  context.after(async () => {
    await engine.stop(0);
    database.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return { engine, database, facts, folder };
}

async function atTheGate(engine: EmbeddedEngine, input: string): Promise<string> {
  gate = Promise.withResolvers<void>();
  effects.length = 0;
  const { runId } = await engine.start(racing, input);
  await engine.signal(runId, 'kept', 1);
  await eventually('it is at the gate', async () => (await engine.history(runId))[0]?.status === 'succeeded');
  return runId;
}

for (const what of Object.keys(operations)) {
  test(`a cancel just before ${what}: the run undoes what it did, and nothing else happens`, async (context) => {
    const { engine, database, facts } = open(context);
    const runId = await atTheGate(engine, what);
    const cancelled = engine.cancel(runId);
    gate.resolve();
    await cancelled;
    const run = await engine.wait(runId);
    assert.deepEqual([run.status, run.error!.code], ['cancelled', 'run_cancelled']);
    assert.deepEqual(effects, ['undone']);
    assert.deepEqual(facts, []);
    const history = await engine.history(runId);
    assert.deepEqual(
      history.map(({ name, status }) => [name, status]).filter(([name]) => name !== 'begins'),
      [
        [history[1]!.name, 'failed'],
        ['undoes', 'succeeded'],
      ],
    );
    assert.equal(database.get<{ n: number }>('SELECT count(*) AS n FROM runs')!.n, 1);
    assert.equal((await engine.start(child, 1)).created, true, 'the engine goes on');
  });

  test(`a terminate just before ${what}: nothing of the run happens any more`, async (context) => {
    const { engine, database, facts } = open(context);
    const runId = await atTheGate(engine, what);
    const terminated = engine.terminate(runId);
    gate.resolve();
    assert.equal(await terminated, 'cancelled');
    const before = await engine.history(runId);
    // Whatever was written after it is in the journal by now.
    await engine.wait(runId);
    await engine.signal((await engine.start(child, 1)).runId, 'other', 1);
    assert.deepEqual(await engine.history(runId), before);
    assert.equal(before.length, 1);
    assert.deepEqual(facts, []);
    assert.equal(effects.includes('undone'), false);
    assert.equal(database.get<{ n: number }>('SELECT count(*) AS n FROM runs')!.n, 2, 'and the one after it');
  });
}

test('a run that is terminated in the transaction that starts it never begins', async (context) => {
  const { engine } = open(context);
  effects.length = 0;
  const runId = '0199f6c1-7a2b-7c3d-8e4f-5a6b7c8d9e0f';
  const started = engine.start(child, 1, { runId });
  // Until its write stands in the queue of this turn.
  for (let n = 0; n < 5; n++) await null;
  const terminated = engine.terminate(runId);
  await Promise.all([started, terminated]);
  await untilStatus(engine, runId, 'cancelled');
  assert.deepEqual(effects, []);
  await assert.rejects(engine.start(child, 1, { runId }), { code: 'conflict' });
});

test('cancelled at any moment, each of hundreds of runs ends as cancelled or done, and the engine is idle', async (context) => {
  const busy = flowOf('busy', async (step) => {
    try {
      await step.run('one', () => 1);
      await step.sleep('nothing', 0);
      await step.call('calls', quick, 1);
      await step.start('starts', quick, 1);
      await step.waitForSignal('kept');
      return await step.run('last', () => 1);
    } catch (error) {
      await step.sleep('undoes', 1);
      throw error;
    }
  });
  const quick = flowOf('quick', async (step) => step.run('one', () => 1));
  const { engine } = open(context, [busy, quick] as unknown as Flow<never>[]);
  const random = seededRandom(7);
  const ids: string[] = [];
  const cancels: Promise<unknown>[] = [];
  for (let n = 0; n < 300; n++) {
    const { runId } = await engine.start(busy, n);
    await engine.signal(runId, 'kept', n);
    ids.push(runId);
    const { promise, resolve } = Promise.withResolvers<void>();
    setTimeout(resolve, random() * 20);
    cancels.push(promise.then(() => engine.cancel(runId)));
  }
  await Promise.all(cancels);
  const ends = await Promise.all(ids.map((runId) => engine.wait(runId)));
  const kinds = new Set(ends.map(({ status, error }) => `${status} ${error?.code}`));
  for (const kind of kinds) assert.match(kind, /^(cancelled run_cancelled|succeeded undefined)$/);
  await eventually('nothing is left', () => {
    const { queued, running } = engine.stats();
    return queued === 0 && running === 0;
  });
});

test('runs that end before their turn leave their place in the queue, and that of their key', async (context) => {
  const blocks = flowOf('blocks', async (step) => step.run('waits', () => gate.promise), 1, 1);
  gate = Promise.withResolvers<void>();
  const { engine } = open(context, [blocks] as unknown as Flow<never>[]);
  const { runId: first } = await engine.start(blocks, 0);
  const others = await Promise.all([1, 2, 3, 4].map((n) => engine.start(blocks, n)));
  for (const { runId } of others.slice(0, 3)) await engine.cancel(runId);
  assert.equal(engine.stats().queued, 1);
  gate.resolve();
  for (const runId of [first, others[3]!.runId]) assert.equal((await engine.wait(runId)).status, 'succeeded');
});

test('a run with thousands of signals takes a further one as fast, and no more than it can wait for', async (context) => {
  const { engine } = open(context);
  const { runId } = await engine.start(child, 1);
  for (let n = 0; n < 30; n++) {
    await Promise.all(Array.from({ length: 100 }, () => engine.signal(runId, 'many', n)));
  }
  await assert.rejects(engine.signal(runId, 'many', 1), { code: 'too_many_operations' });
});

test('of those that have not ended, the one that executes is listed as such, and the others as queued', async (context) => {
  const blocks = flowOf('blocks', async (step) => step.run('waits', () => gate.promise), 1, 1);
  gate = Promise.withResolvers<void>();
  const { engine } = open(context, [blocks] as unknown as Flow<never>[]);
  const ids: string[] = [];
  for (let n = 0; n < 3; n++) ids.push((await engine.start(blocks, n)).runId);
  const listed = async (status: 'running' | 'queued') =>
    (await engine.list({ status })).runs.map((run) => [run.runId, run.status]);
  assert.deepEqual(await listed('running'), [[ids[0], 'running']]);
  assert.deepEqual(await listed('queued'), [
    [ids[2], 'queued'],
    [ids[1], 'queued'],
  ]);
  gate.resolve();
  for (const runId of ids) await engine.wait(runId);
});

test('after a crash a run that waits to execute alone may end, and those behind it have their turn', async (context) => {
  const blocks = flowOf('blocks', async (step) => step.run('waits', () => gate.promise));
  const more = [blocks] as unknown as Flow<never>[];
  gate = Promise.withResolvers<void>();
  const first = open(context, more);
  const ids: string[] = [];
  for (let n = 0; n < 4; n++) ids.push((await first.engine.start(blocks, n)).runId);
  const second = open(context, more, { crashed: first.folder });
  const noted = () => second.database.get<{ n: number }>('SELECT count(*) AS n FROM suspects')!.n;
  await eventually('all execute', () => noted() === 4);
  const { engine } = open(context, more, { crashed: second.folder });
  await eventually('one executes', () => engine.stats().running === 1);
  await engine.terminate(ids[1]!);
  gate.resolve();
  for (const runId of ids.toSpliced(1, 1)) assert.equal((await engine.wait(runId)).status, 'succeeded');
});

test('after a crash the higher priority goes first, also for the place of a key', async (context) => {
  const order: unknown[] = [];
  const keyed = defineFlow({
    ...{ name: 'keyed', version: 1, input: Type.Unknown(), output: Type.Unknown() },
    concurrency: { flow: 100, key: () => 'one', limit: 1 },
    run: async (step, input) => {
      order.push(input);
      await step.run('waits', () => gate.promise);
      return null;
    },
  });
  const more = [keyed] as unknown as Flow<never>[];
  gate = Promise.withResolvers<void>();
  const first = open(context, more);
  const start = (input: string, priority: number) => first.engine.start(keyed, input, { priority });
  const ids: string[] = [];
  for (const [input, priority] of [
    ['first', 0],
    ['low', -5],
    ['high', 9],
  ] as const)
    ids.push((await start(input, priority)).runId);
  await first.engine.terminate(ids[0]!);
  await eventually('the high one executes', () => order.length === 2);
  const { engine } = open(context, more, { crashed: first.folder });
  gate.resolve();
  for (const runId of ids.slice(1)) await engine.wait(runId);
  assert.deepEqual(order.slice(0, 3), ['first', 'high', 'high']);
});

test('a place that is given to a run which has ended goes to the next one', async (context) => {
  const keyed = defineFlow({
    ...{ name: 'keyed', version: 1, input: Type.Unknown(), output: Type.Unknown() },
    concurrency: { flow: 100, key: () => 'one', limit: 1 },
    run: async (step) => step.run('waits', () => gate.promise),
  });
  gate = Promise.withResolvers<void>();
  const { engine } = open(context, [keyed] as unknown as Flow<never>[]);
  const ids: string[] = [];
  for (let n = 0; n < 5; n++) ids.push((await engine.start(keyed, n)).runId);
  for (const runId of ids.slice(1, 4)) await engine.terminate(runId);
  gate.resolve();
  for (const runId of [ids[0]!, ids[4]!]) assert.equal((await engine.wait(runId)).status, 'succeeded');
  assert.deepEqual(engine.stats().queued, 0);
});
