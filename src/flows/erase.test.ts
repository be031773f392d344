import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Type } from 'typebox';
import { until } from '../../test/fixtures/until.ts';
import { SignalboxError } from '../core/errors.ts';
import { EmbeddedEngine } from '../engine/embedded/engine.ts';
import { defineFlow } from '../engine/flow.ts';
import { endedFamily } from '../engine/forget.ts';
import { silentObserver } from '../engine/observer.ts';
import { createFolderObjects } from '../objects/folder.ts';
import { LiveRecord } from '../record/live.ts';
import { Database } from '../sqlite/database.ts';
import { aLife } from '../store/contract/life.ts';
import { createSqliteStore, type SqliteStore } from '../store/sqlite/store.ts';
import { createEraseFlow, erasedAtOnce } from './erase.ts';
import { createErasureLog } from './erasure-log.ts';

/** Stands for what belongs to a conversation: ends when it is told to. */
const asking = defineFlow({
  ...{ name: 'asking', version: 1, input: Type.Boolean(), output: Type.Null() },
  async run(step, waits) {
    if (waits) await step.waitForSignal('go');
    return null;
  },
});

function settle(
  context: TestContext,
  erase: (store: SqliteStore) => SqliteStore['erase'] = (store) => store.erase,
) {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-erase-flow-'));
  const database = new Database(join(folder, 'signalbox.sqlite'));
  const store = createSqliteStore(database, new LiveRecord({ onError: () => {} }));
  const objects = createFolderObjects(join(folder, 'objects'));
  const erasures = createErasureLog(objects);
  const flow = createEraseFlow({
    ...{ exports: objects, erasures, retry: { maxAttempts: 1_000, delaysMs: [10] } },
    store: { ...store, erase: erase(store) },
    runs: {
      family: (runId) => endedFamily(engine, runId),
      forget: (runIds) => engine.forgetRuns(runIds),
    },
  });
  const engine = new EmbeddedEngine({
    ...{ database, flows: [flow, asking], writeFacts: store.writeFacts, observer: silentObserver },
  });
  context.after(async () => {
    await engine.stop(0);
    database.close();
    rmSync(folder, { recursive: true });
  });
  const conversation = async (waits = false): Promise<string> => {
    const { trackingId, facts } = aLife();
    await store.append(facts);
    await engine.start(asking, waits, { runId: trackingId });
    if (!waits) await engine.wait(trackingId);
    return trackingId;
  };
  const eraseAll = (trackingIds: string[]) => engine.start(flow, { trackingIds, by: 'me' });
  const isErased = async (trackingId: string) => (await store.summary(trackingId))!.erasedAt !== null;
  return { engine, store, erasures, conversation, eraseAll, isErased };
}

test('a conversation of which a run has not ended holds up none of the others, and is erased once it has', async (context) => {
  const { engine, conversation, eraseAll, isErased } = settle(context);
  const trackingIds: string[] = [];
  for (let n = 0; n < 120; n++) trackingIds.push(await conversation(n === 7));
  const underWay = trackingIds[7]!;
  const { runId } = await eraseAll(trackingIds);
  for (const trackingId of trackingIds) {
    if (trackingId !== underWay) await until(() => isErased(trackingId), Boolean);
  }
  assert.equal(await isErased(underWay), false);
  await engine.signal(underWay, 'go', null);
  const { output } = await engine.wait(runId);
  const { erased, skipped } = output as { erased: string[]; skipped: unknown[] };
  assert.deepEqual([erased.toSorted(), skipped], [trackingIds.toSorted(), []]);
  assert.deepEqual((await engine.list({ flow: 'asking' })).runs, []);
  const history = await engine.history(runId);
  assert.ok(history.length <= 3 + 4 * 4, `${history.length} steps`);
});

test('what fails in the middle is done again: each is erased once, and those that are not there are told', async (context) => {
  let calls = 0;
  const { engine, store, erasures, conversation, eraseAll } = settle(
    context,
    (it) => async (trackingId, erasure) => {
      if (++calls === 15) throw new SignalboxError('storage_failed', 'Just now.');
      return it.erase(trackingId, erasure);
    },
  );
  const trackingIds: string[] = [];
  for (let n = 0; n < 30; n++) trackingIds.push(await conversation());
  const incomplete = aLife();
  await store.append(incomplete.facts.slice(0, 2));
  const unknown = aLife().trackingId;
  const { runId } = await eraseAll([unknown, ...trackingIds, incomplete.trackingId]);
  const { output } = await engine.wait(runId);
  assert.deepEqual(output, {
    erased: trackingIds,
    skipped: [
      { trackingId: unknown, because: 'unknown' },
      { trackingId: incomplete.trackingId, because: 'not_complete' },
    ],
  });
  assert.deepEqual((await erasures.entries()).trackingIds, trackingIds);
  for (const trackingId of trackingIds) {
    const events = await store.events(trackingId);
    assert.equal(events.filter(({ type }) => type === 'WEBHOOK_CONVERSATION_ERASED').length, 1);
  }
});

test('a run takes no more than its bound', async (context) => {
  const { eraseAll } = settle(context);
  const tooMany = Array.from({ length: erasedAtOnce + 1 }, () => 'x');
  await assert.rejects(eraseAll(tooMany), { code: 'invalid_request' });
});
