import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { SignalboxError } from '../../core/errors.ts';
import { Database } from '../../sqlite/database.ts';
import { Sweeper } from '../../sqlite/sweeper.ts';
import { flowOf, untilStatus } from '../contract/harness.ts';
import type { Flow } from '../flow.ts';
import { silentObserver } from '../observer.ts';
import { EmbeddedEngine } from './engine.ts';
import { journalRetention, unclaimedSignals } from './retention.ts';

const dayMs = 86_400_000;
let fails = true;

const ends = flowOf('ends', async (step, input) => {
  await step.run('one', () => input as never);
  return step.run('two', () => 2);
});
const waits = flowOf('waits', (step) => step.waitForSignal('go'));
const failing = flowOf('failing', async () => {
  if (fails) throw new SignalboxError('step_failed', 'on purpose', { retryable: false });
  return 'at last';
});
const parent = flowOf('parent', async (step, child) => {
  if (child === 'ends') return step.call('child', ends, 1).then(() => step.waitForSignal('go'));
  return step.call('child', failing, 1).catch(() => step.run('go on', () => 'without it'));
});
const flows = [ends, waits, failing, parent] as unknown as Flow<never>[];

function open(context: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-retention-'));
  const clock = { now: 1_700_000_000_000 };
  const begin = () => {
    const database = new Database(join(folder, 'journal.sqlite'));
    const options = { database, flows, writeFacts: () => {}, observer: silentObserver };
    const engine = new EmbeddedEngine({ ...options, clock: () => clock.now });
    engine.recover();
    const keeping = { keepMs: 30 * dayMs, clock: () => clock.now };
    const task = journalRetention(keeping);
    const tasks = [task, unclaimedSignals(keeping)];
    return { database, engine, task, sweep: () => new Sweeper({ database, tasks }).sweep() };
  };
  const opened = { clock, ...begin() };
  const end = async () => {
    await opened.engine.stop(0);
    opened.database.close();
  };
  context.after(async () => {
    await end();
    rmSync(folder, { recursive: true, force: true });
  });
  const reopen = async () => {
    await end();
    Object.assign(opened, begin());
  };
  return Object.assign(opened, { reopen });
}

type Opened = ReturnType<typeof open>;

async function ended(opened: Opened, flow: Flow<unknown>, input: unknown = 1): Promise<string> {
  const { runId } = await opened.engine.start(flow, input);
  await opened.engine.wait(runId);
  return runId;
}

const there = async ({ engine }: Opened, runId: string) => (await engine.get(runId)) !== undefined;

/** Rows of the journal that belong to no run. */
const leftOver = ({ database }: Opened) => [
  ...database.all('SELECT run FROM operations WHERE run NOT IN (SELECT id FROM runs)'),
  ...database.all('SELECT run_id FROM signals WHERE run_id NOT IN (SELECT run_id FROM runs)'),
];

test('a run is forgotten thirty days after its end, not a millisecond earlier, with all that was its own', async (context) => {
  const opened = open(context);
  const plain = await ended(opened, ends);
  const { runId: signalled } = await opened.engine.start(waits, 1);
  await opened.engine.signal(signalled, 'go', 1);
  await opened.engine.wait(signalled);
  opened.clock.now += 30 * dayMs - 1;
  const young = await ended(opened, ends);
  assert.equal((await opened.sweep()).runs, 0);
  opened.clock.now += 1;
  assert.equal((await opened.sweep()).runs, 2);
  assert.deepEqual(await Promise.all([plain, signalled, young].map((id) => there(opened, id))), [
    false,
    false,
    true,
  ]);
  assert.deepEqual(leftOver(opened), []);
  assert.equal((await opened.engine.history(young)).length, 2);
});

test('what has not ended stays, with its children and its parents, and goes on', async (context) => {
  const opened = open(context);
  const { runId: waiting } = await opened.engine.start(waits, 1);
  const { runId: calling } = await opened.engine.start(parent, 'ends');
  await untilStatus(opened.engine, calling, 'waiting');
  const child = (await opened.engine.history(calling))[0]!.childRunId!;
  await opened.engine.wait(child);
  opened.clock.now += 400 * dayMs;
  await ended(opened, ends);
  assert.equal((await opened.sweep()).runs, 0);
  assert.ok(await there(opened, child), 'the child of a run that waits');
  await untilStatus(opened.engine, calling, 'waiting');
  for (const id of [waiting, calling]) {
    await opened.engine.signal(id, 'go', 'now');
    assert.equal((await opened.engine.wait(id)).status, 'succeeded');
  }
  assert.equal((await opened.sweep()).runs, 1, 'the child, whose parent has ended');
  opened.clock.now += 31 * dayMs;
  await ended(opened, ends);
  assert.equal((await opened.sweep()).runs, 3);
  assert.deepEqual(leftOver(opened), []);
});

test('dead letters stay, and what called them; a run that was started anew stays as long as its successor', async (context) => {
  const opened = open(context);
  fails = true;
  const letter = await ended(opened, failing);
  const calling = await ended(opened, parent, 'failing');
  opened.clock.now += 31 * dayMs;
  await ended(opened, ends);
  assert.equal((await opened.sweep()).runs, 0);
  assert.ok(await there(opened, calling));
  fails = false;
  for (const { runId } of (await opened.engine.list({ deadLetters: true })).runs) {
    const { runId: anew } = await opened.engine.restart(runId);
    assert.equal((await opened.engine.wait(anew)).status, 'succeeded');
  }
  assert.equal((await opened.sweep()).runs, 1, 'the one that called: nothing of it is a dead letter');
  assert.ok(await there(opened, letter));
  opened.clock.now += 31 * dayMs;
  await ended(opened, ends);
  await opened.sweep();
  await opened.sweep();
  assert.equal((await opened.engine.list()).runs.length, 1);
});

test('a number is not given out twice, and a process that ends between two pieces leaves nothing half', async (context) => {
  const opened = open(context);
  for (let n = 0; n < 30; n++) await ended(opened, ends, n);
  opened.clock.now += 31 * dayMs;
  const piece = await opened.database.write((sql) => opened.task.piece(sql, 0, 7));
  assert.deepEqual(piece, { removed: 7, next: 7 });
  await opened.reopen();
  assert.deepEqual(leftOver(opened), []);
  assert.equal((await opened.sweep()).runs, 22);
  await opened.reopen();
  await ended(opened, ends);
  const ids = opened.database.all<{ id: number }>('SELECT id FROM runs').map(({ id }) => id);
  assert.deepEqual(ids, [30, 31]);
});

test('a signal whose run never came is forgotten after thirty days, in pieces; one whose run is there is not', async (context) => {
  const opened = open(context);
  const { engine, clock, sweep } = opened;
  const { runId: waiting } = await engine.start(waits, 1, { runId: 'there' });
  await untilStatus(engine, waiting, 'waiting');
  await engine.signal(waiting, 'another', 'kept');
  for (let n = 0; n < 120; n++) await engine.signal(`never-${n % 3}`, `name "${n}"`, n);
  clock.now += 30 * dayMs - 1;
  assert.equal((await sweep())['signals without a run'], 0);
  await engine.signal('never-0', 'late', 1);
  clock.now += 1;
  assert.equal((await sweep())['signals without a run'], 120);
  assert.equal(opened.database.get<{ n: number }>('SELECT count(*) AS n FROM signals')!.n, 2);
  await engine.start(waits, 1, { runId: 'never-0' });
  await engine.signal('never-0', 'go', 'taken');
  assert.equal((await engine.wait('never-0')).status, 'succeeded');
});
