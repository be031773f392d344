import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { checkEffects, EngineLives } from './engine-lives.ts';

/** What a process does wrong, and what the check of the crash tests says of it. */
const sabotages: Readonly<Record<string, RegExp>> = {
  'the end of a step is not written':
    /done again after its end was told|every effect has the key|run [0-9a-f-]+/,
  'a run is not written': /run [0-9a-f-]+/,
  'a fact is not written': /one fact for each start/,
  'other key': /recorded and so has happened|every effect has the key/,
};

for (const [sabotage, finding] of Object.entries(sabotages)) {
  test(`the check of the crash tests can fail: ${sabotage}`, async (context) => {
    const lives = new EngineLives(context);
    await lives.live({ wanted: 300, kill: { atCommit: '25:after' }, sabotage });
    await lives.live({ wanted: 1, sabotage: 'none', patienceMs: 30_000 });
    assert.throws(() => lives.check(), finding);
  });
}

test('the check of the crash tests can fail: an end is changed', async (context) => {
  const lives = new EngineLives(context);
  await lives.live({ wanted: 3 });
  lives.check();
  const database = new DatabaseSync(join(lives.folder, 'journal.sqlite'));
  database.exec(`UPDATE runs SET status = 'failed', error = '{}' WHERE id = 1`);
  database.close();
  assert.throws(() => lives.checkEnded(), /an end is never changed/);
});

test('the check of the crash tests can fail: what effects and records say of each other', () => {
  const step = { run_id: 'r', position: 0, name: 'one', result: '"1"' };
  checkEffects([step], 'r/0 0\nr/0 1\nr/0 recorded\n');
  assert.throws(() => checkEffects([step], 'r/0 1\nr/0 recorded\nr/0 1\n'), /done again after its end/);
  assert.throws(() => checkEffects([step], 'r/0 1\nr/0 2\n'), /after its record/);
  assert.throws(() => checkEffects([step], 'r/0 1\nr/1 1\n'), /every effect has the key/);
  assert.throws(() => checkEffects([step], 'r/1 1\n'), /recorded and so has happened/);
});
