import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../src/engine/contract/random.ts';
import { EngineLives } from './engine-lives.ts';

const seed = Number(process.env.CHAOS_SEED ?? 20_261_121);
const kills = Number(process.env.CHAOS_KILLS ?? 25);
/** As many as a run of `engine-child.ts` takes when it is alone, or a few more. */
const commitsOfARun = 20;

test(`the engine is killed ${kills} times (seed ${seed}): nothing is lost, nothing recorded is done again`, async (context) => {
  const lives = new EngineLives(context);
  const random = seededRandom(seed);
  for (let life = 0; life < kills; life++) {
    await lives.live({ wanted: 60, kill: { afterMs: Math.floor(random() * 250) } });
    lives.checkEnded();
  }
  await lives.live({ wanted: 1 });
  const count = lives.accepted.length;
  assert.ok(count > kills, `${count} runs were accepted`);
  context.diagnostic(`${count} runs accepted`);
  lives.check();
});

test('the engine is killed at each commit of a run, before it and after it: nothing is lost, nothing recorded is done again', async (context) => {
  const lives = new EngineLives(context);
  let told = 0;
  // Each process takes up the run that the one before left, and begins one of its own: so recoveries are killed as well.
  for (let commit = 1; commit <= commitsOfARun; commit++) {
    for (const side of ['before', 'after']) {
      if ((await lives.live({ wanted: 1, kill: { atCommit: `${commit}:${side}` } })) > 0) told += 1;
      lives.checkEnded();
    }
  }
  assert.ok(told >= commitsOfARun, `${told} processes came as far as to accept a run`);
  await lives.live({ wanted: 1 });
  lives.check();
});

test('the engine is killed at statements of its start, with many runs to take up: nothing is lost, nothing recorded is done again', async (context) => {
  const lives = new EngineLives(context);
  const random = seededRandom(seed);
  await lives.live({ wanted: 150, kill: { atCommit: '30:after' } });
  const accepted = lives.accepted.length;
  assert.ok(accepted > 20, `${accepted} runs were accepted`);
  // The first ones open the database.
  for (let n = 0; n < 14; n++) {
    const atStatement = n < 8 ? n + 1 : 9 + Math.floor(random() * 150);
    await lives.live({ wanted: 0, kill: { atStatement } });
    lives.checkEnded();
  }
  await lives.live({ wanted: 0 });
  lives.check();
});
