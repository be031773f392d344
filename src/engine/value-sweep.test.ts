import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createFolderObjects } from '../objects/folder.ts';
import { Database } from '../sqlite/database.ts';
import { flowOf } from './contract/harness.ts';
import { EmbeddedEngine } from './embedded/engine.ts';
import { silentObserver } from './observer.ts';
import { ValueSweep } from './value-sweep.ts';

test('large values go with their runs, one sweep later, and those of runs and of signals that are early stay', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-values-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const objects = createFolderObjects(folder);
  const database = new Database(':memory:');
  context.after(() => database.close());
  const echo = flowOf('echo', async (_, input) => input);
  const options = { database, objects, flows: [echo], writeFacts: () => {}, observer: silentObserver };
  const engine = new EmbeddedEngine(options);
  context.after(() => engine.stop(0));
  const large = 'x'.repeat(300 * 1024);
  const [kept, gone] = [await engine.start(echo, large), await engine.start(echo, `${large}y`)];
  for (const { runId } of [kept, gone]) await engine.wait(runId);
  const early = '01a1fd00-0000-7000-8000-000000000001';
  await engine.signal(early, 'go', large);
  await objects.put('values/01a1fd00-0000-7000-8000-000000000002/orphan.json', '1');
  await objects.put('exports/other.json', '1');
  await database.write((sql) => sql.run('DELETE FROM runs WHERE run_id = ?', gone.runId));

  const sweep = new ValueSweep(objects, (runIds) => engine.knownRuns(runIds));
  assert.equal(await sweep.sweep(), 0, 'what belongs to no run may be about to');
  assert.equal(await sweep.sweep(), 2);
  assert.equal(await sweep.sweep(), 0);
  assert.equal((await engine.get(kept.runId))!.output, large);
  const left = (await objects.list('')).map((key) => key.split('/').slice(0, 2).join('/'));
  assert.deepEqual(left, ['exports/other.json', `values/${early}`, `values/${kept.runId}`].sort());
});
