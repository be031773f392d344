import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { DurableService } from '../../../test/fixtures/durable-service.ts';
import { uuidv7 } from '../../core/ids.ts';
import { createFolderObjects } from '../../objects/folder.ts';
import { eventually, flowOf, runToEnd, untilStatus } from '../contract/harness.ts';
import type { Flow } from '../flow.ts';
import { silentObserver } from '../observer.ts';
import { ValueSweep } from '../value-sweep.ts';
import { LambdaEngine } from './engine.ts';
import { type RunRecord, recordKeys } from './messages.ts';
import { SqliteRecords } from './sqlite-records.ts';
import { Upkeep, type UpkeepOptions } from './upkeep.ts';
import { Worker } from './worker.ts';

const day = 86_400_000;
const nothing = { 'runs ended by AWS': 0, runs: 0, 'idempotency keys': 0, 'inbox entries': 0 };

/** Leases in memory, which somebody else may take away. */
function createLeases() {
  let holder: object | undefined;
  return {
    takeAway: () => {
      holder = {};
    },
    take: async () => {
      if (holder !== undefined) return undefined;
      const mine = {};
      holder = mine;
      return {
        renew: async () => holder === mine,
        release: async () => {
          if (holder === mine) holder = undefined;
        },
      };
    },
  };
}

async function open(
  context: TestContext,
  flows: readonly Flow<never>[],
  options: Partial<UpkeepOptions> = {},
) {
  const [service, records] = [new DurableService(), new SqliteRecords(':memory:')];
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-upkeep-'));
  const objects = createFolderObjects(folder);
  const appendFacts = async () => {};
  const shared = { flows, api: service, records, objects, appendFacts, now: service.now };
  const engine = new LambdaEngine(shared);
  const worker = new Worker({ ...shared, client: service, observer: silentObserver });
  service.deploy(worker.handle);
  context.after(async () => {
    await engine.stop(0);
    worker.stop();
    service.close();
    records.close();
    rmSync(folder, { recursive: true });
  });
  const leases = createLeases();
  const about = { engine, records, leases, keepMs: 30 * day, now: service.now, restMs: 0, everyMs: 0 };
  return { service, records, engine, objects, leases, upkeep: new Upkeep({ ...about, ...options }) };
}

const waits = flowOf('waits', async (step) => (await step.waitForSignal('go')).payload);
const ends = flowOf('ends', async (_, input) => input);
const fails = flowOf('fails', async () => {
  throw new Error('no');
});

describe('looking after runs on Lambda', () => {
  test('ends those that AWS has ended, of many, in pieces', async (context) => {
    const { service, records, engine, upkeep } = await open(context, [waits]);
    const runIds: string[] = [];
    for (let n = 0; n < 25; n++) runIds.push((await engine.start(waits, n)).runId);
    for (const runId of runIds) await untilStatus(engine, runId, 'waiting');
    const arnOf = async (runId: string) =>
      ((await records.read(recordKeys.run(runId)))!.value as RunRecord).arn!;
    for (const n of [0, 12, 24]) {
      await service.stop(await arnOf(runIds[n]!), { type: 'operator', message: 'in the console' });
    }
    assert.deepEqual(await upkeep.sweep(), { ...nothing, 'runs ended by AWS': 3 });
    assert.equal((await engine.get(runIds[12]!))!.status, 'cancelled');
    assert.equal((await engine.get(runIds[13]!))!.status, 'waiting');
    assert.deepEqual(await upkeep.sweep(), nothing);
  });

  test('a run that AWS does not answer for keeps no other from its end', async (context) => {
    const problems: unknown[] = [];
    const { service, records, engine, upkeep } = await open(context, [waits], {
      onError: (error) => problems.push(error),
    });
    const [mute, stopped] = [await engine.start(waits, 1), await engine.start(waits, 2)];
    for (const { runId } of [mute, stopped]) await untilStatus(engine, runId, 'waiting');
    const { arn } = (await records.read(recordKeys.run(mute.runId)))!.value as RunRecord;
    const { arn: other } = (await records.read(recordKeys.run(stopped.runId)))!.value as RunRecord;
    const { get } = service;
    service.get = async (asked) => {
      if (asked === arn) throw new Error('TooManyRequestsException');
      return get.call(service, asked);
    };
    await service.stop(other!, { type: 'operator', message: 'x' });
    assert.equal((await upkeep.sweep())!['runs ended by AWS'], 1);
    assert.equal(problems.length, 1);
  });

  test('forgets runs that ended long ago, and neither dead letters nor what waits', async (context) => {
    const { service, engine, upkeep } = await open(context, [waits, ends, fails]);
    const ended = await runToEnd(engine, ends, 'output');
    const dead = await runToEnd(engine, fails);
    const { runId: waiting } = await engine.start(waits, {});
    await untilStatus(engine, waiting, 'waiting');
    service.moveClock(8 * day);
    assert.deepEqual(await upkeep.sweep(), nothing, 'a week is the shortest that may be asked for');
    service.moveClock(21 * day);
    assert.deepEqual(await upkeep.sweep(), nothing);
    service.moveClock(2 * day);
    assert.equal((await upkeep.sweep())!.runs, 1);
    assert.equal(await engine.get(ended.runId), undefined);
    assert.equal((await engine.get(dead.runId))!.status, 'failed');
    assert.equal((await engine.get(waiting))!.status, 'waiting');
    await engine.signal(waiting, 'go', 'still');
    assert.equal((await engine.wait(waiting)).output, 'still');
  });

  test('a dead letter that was started anew goes when the new run has gone', async (context) => {
    let works = false;
    const flow = flowOf('later', async () => {
      if (!works) throw new Error('no');
    });
    const { service, engine, upkeep } = await open(context, [flow]);
    const { runId } = await runToEnd(engine, flow);
    service.moveClock(40 * day);
    works = true;
    const again = await engine.restart(runId);
    await engine.wait(again.runId);
    assert.equal((await upkeep.sweep())!.runs, 0);
    assert.notEqual(await engine.get(runId), undefined);
    service.moveClock(31 * day);
    await upkeep.sweep();
    assert.equal(await engine.get(again.runId), undefined);
    service.moveClock(2 * day);
    await upkeep.sweep();
    assert.equal(await engine.get(runId), undefined);
  });

  test('without an end of the time that they are kept runs stay', async (context) => {
    const { service, engine, upkeep } = await open(context, [ends], { keepMs: null });
    const { runId } = await runToEnd(engine, ends, 1);
    service.moveClock(4_000 * day);
    assert.deepEqual(await upkeep.sweep(), nothing);
    assert.notEqual(await engine.get(runId), undefined);
  });

  test('removes keys whose time is over, and no others', async (context) => {
    const { service, records, engine, upkeep } = await open(context, [waits]);
    const start = (key: string, keptMs: number) =>
      engine.start(waits, key, {
        idempotency: { key, fingerprint: key, expiresAt: service.now() + keptMs },
      });
    for (let n = 0; n < 120; n++) await start(`short-${n}`, 1_000);
    const { runId } = await start('long', 2 * day);
    service.moveClock(day);
    assert.deepEqual(await upkeep.sweep(), { ...nothing, 'idempotency keys': 120 });
    assert.equal((await start('long', day)).runId, runId);
    assert.equal(await records.read(recordKeys.idempotency('short-7')), undefined);
  });

  test('removes what was kept for runs that have ended or never came, not what a run may still want', async (context) => {
    const { service, records, engine, upkeep } = await open(context, [waits]);
    const { runId } = await engine.start(waits, {});
    await untilStatus(engine, runId, 'waiting');
    const nobody = uuidv7();
    await engine.signal(nobody, 'go', 'early');
    const early = await engine.start(waits, {}, { startAt: service.now() + 70 * day });
    const { arn } = (await records.read(recordKeys.run(early.runId)))!.value as RunRecord;
    await eventually('it waits for its time', async () =>
      (await service.history(arn!)).some(({ kind }) => kind === 'wait'),
    );
    await engine.signal(early.runId, 'go', 'in time');
    service.moveClock(31 * day);
    assert.deepEqual(await upkeep.sweep(), { ...nothing, 'inbox entries': 1 });
    assert.equal(await records.read(recordKeys.inbox(nobody, 'go', 1)), undefined);
    await engine.signal(runId, 'go', 'kept');
    assert.equal((await engine.wait(runId)).output, 'kept');
    service.moveClock(31 * day);
    const swept = await upkeep.sweep();
    assert.deepEqual([swept!.runs, swept!['inbox entries']], [1, 1]);
    service.moveClock(9 * day);
    assert.equal((await engine.wait(early.runId)).output, 'in time');
  });

  test('large values that came before their run stay as long as what names them', async (context) => {
    const { service, engine, objects, upkeep } = await open(context, [waits]);
    const values = new ValueSweep(objects, (runIds) => engine.knownRuns(runIds));
    const [runId, gone] = [uuidv7(), uuidv7()];
    for (const each of [runId, gone]) await engine.signal(each, 'go', 'x'.repeat(300_000));
    for (let n = 0; n < 3; n++) assert.equal(await values.sweep(), 0);
    await engine.start(waits, {}, { runId });
    assert.equal(String((await engine.wait(runId)).output).length, 300_000);
    service.moveClock(31 * day);
    await upkeep.sweep();
    await values.sweep();
    assert.ok((await values.sweep()) > 0);
  });

  test('one of all does it, and stops when the lease is somebody else’s or it is told to', async (context) => {
    const { service, engine, leases, upkeep, records } = await open(context, [waits]);
    const [one, other] = await Promise.all([upkeep.sweep(), upkeep.sweep()]);
    assert.deepEqual([one, other], [nothing, undefined]);
    for (let n = 0; n < 60; n++) {
      const expiresAt = service.now() + 1;
      await engine.start(waits, n, { idempotency: { key: `${n}`, fingerprint: 'f', expiresAt } });
    }
    service.moveClock(1_000);
    const { due } = records;
    records.due = async (...asked) => {
      leases.takeAway();
      return due.apply(records, asked);
    };
    assert.equal((await upkeep.sweep())!['idempotency keys'], 50, 'one piece');
  });

  test('goes on by itself, and tells of what it did and could not do', async (context) => {
    const told: unknown[] = [];
    const { service, engine, upkeep, records } = await open(context, [ends], {
      onSwept: (swept) => told.push(swept),
      onError: (error) => told.push(error),
    });
    await runToEnd(engine, ends, 1);
    service.moveClock(60 * day);
    upkeep.begin(0);
    await eventually('it has told', async () => told.length === 1);
    assert.deepEqual(told, [{ ...nothing, runs: 1 }]);
    upkeep.stop();
    assert.deepEqual(await records.due(Number.MAX_SAFE_INTEGER, 1), []);
  });
});
