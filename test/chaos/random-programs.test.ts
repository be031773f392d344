import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isOutputOf, type Program } from '../../src/engine/contract/programs.ts';
import { seededRandom } from '../../src/engine/contract/random.ts';
import { checkAttempts, ProgramsLives } from './programs-lives.ts';

const seed = Number(process.env.CHAOS_SEED ?? 20_261_121);
const kills = Number(process.env.CHAOS_KILLS ?? 12);
const count = 600;

test(`${count} random programs, the process killed ${kills} times (seed ${seed}): each comes to what it says`, {
  timeout: 180_000,
}, async (context) => {
  const random = seededRandom(seed);
  const lives = new ProgramsLives(context, random, count);
  let killed = 0;
  while (killed < kills && (await lives.live({ killAfterMs: Math.floor(random() * 60) })) === null)
    killed += 1;
  assert.equal(await lives.live(), 0, 'no run is stuck');
  context.diagnostic(`${count} runs accepted, killed ${killed} times`);
  lives.check();
});

/** What a process does wrong, and what the check says of it. */
const sabotages: Readonly<Record<string, RegExp>> = {
  'the end of a step is not written': /done again after its end was told|run [0-9a-f-]+ of/,
  'another result is written': / of \[/,
};

for (const [sabotage, finding] of Object.entries(sabotages)) {
  test(`the check of random programs can fail: ${sabotage}`, async (context) => {
    const lives = new ProgramsLives(context, seededRandom(seed), 60);
    assert.equal(await lives.live({ killAtCommit: '40:after', sabotage }), null);
    await lives.live();
    assert.throws(() => lives.check(), finding);
  });
}

test('the check of random programs can fail: what attempts say of each other', () => {
  const step = { key: 'r/0', attempts: 2 };
  checkAttempts([step], 'r/0 1\nr/0 1\nr/0 2\nr/0 told\n');
  assert.throws(() => checkAttempts([step], 'r/0 1\nr/0 2\nr/0 told\nr/0 2\n'), /again after its end/);
  assert.throws(() => checkAttempts([step], 'r/0 2\nr/0 1\n'), /attempt 1 came after 2/);
  assert.throws(() => checkAttempts([step], 'r/0 1\n'), /the last attempt/);
});

test('the check of random programs can fail: outputs', () => {
  const program: Program = [
    { kind: 'step', name: 'a', failures: 0, value: 1 },
    { kind: 'signals', name: 'b', count: 2 },
    { kind: 'race', branches: [[{ kind: 'sleep', name: 'c', ms: 1 }], []] },
  ];
  assert.ok(isOutputOf(program, [1, ['b 1', 'b 2'], ['slept']]));
  assert.ok(isOutputOf(program, [1, ['b 1', 'b 2'], []]));
  for (const wrong of [
    [2, ['b 1', 'b 2'], []],
    [1, ['b 2', 'b 1'], []],
    [1, ['b 1', 'b 2'], ['b']],
    [1, ['b 1', 'b 2']],
    null,
  ]) {
    assert.ok(!isOutputOf(program, wrong), JSON.stringify(wrong));
  }
});
