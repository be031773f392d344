import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { seededRandom } from '../../src/engine/contract/random.ts';
import { EngineLives, type LifeOptions } from './engine-lives.ts';

const seed = Number(process.env.CHAOS_SEED ?? 20_261_121);
const cuts = Number(process.env.CHAOS_KILLS ?? 12);

/** What becomes of the part of the log that was written and not synced. */
type Rest = 'nothing of it' | 'a part of it' | 'noise';
const rests: readonly Rest[] = ['nothing of it', 'a part of it', 'noise'];

/** Leaves of the log what a power failure leaves: all that was synced, and of the rest anything. Tells how much that was. */
function cutPower(folder: string, rest: Rest, random: () => number): number {
  const [log, noted] = [join(folder, 'journal.sqlite-wal'), join(folder, 'synced')];
  if (!existsSync(log)) return 0;
  const synced = existsSync(noted) ? Number(readFileSync(noted, 'utf8')) : 0;
  const size = statSync(log).size;
  const unsynced = Math.max(0, size - synced);
  const bytes = readFileSync(log);
  if (rest === 'noise') {
    for (let at = synced; at < size; at += 1 + Math.floor(random() * 500))
      bytes[at] = Math.floor(random() * 256);
    writeFileSync(log, bytes);
  } else
    truncateSync(
      log,
      Math.min(size, synced + (rest === 'a part of it' ? Math.floor(random() * unsynced) : 0)),
    );
  // The index of the log is in memory, and gone.
  rmSync(`${join(folder, 'journal.sqlite')}-shm`, { force: true });
  rmSync(noted, { force: true });
  return unsynced;
}

async function livesWithoutPower(
  context: TestContext,
  options: Partial<LifeOptions>,
  count: number,
): Promise<EngineLives> {
  const lives = new EngineLives(context);
  const random = seededRandom(seed);
  let unsynced = 0;
  for (let life = 0; life < count; life++) {
    const kill = { afterMs: 20 + Math.floor(random() * 200) };
    await lives.live({ wanted: 60, hook: 'slow-disk.ts', ...options, kill });
    if (cutPower(lives.folder, rests[life % rests.length]!, random) > 0) unsynced += 1;
    if (options.sabotage === undefined) lives.checkEnded();
  }
  assert.ok(unsynced > 0, 'the log had a part that was not synced');
  context.diagnostic(`${unsynced} of ${count} times the log had a part that was not synced`);
  await lives.live({ wanted: 1, patienceMs: 15_000 });
  return lives;
}

test(`the power fails ${cuts} times (seed ${seed}): nothing that was told is lost`, async (context) => {
  const lives = await livesWithoutPower(context, {}, cuts);
  assert.ok(lives.accepted.length > cuts, `${lives.accepted.length} runs were accepted`);
  context.diagnostic(`${lives.accepted.length} runs accepted`);
  lives.check();
});

test('a disk that says it has what it has not is found out', async (context) => {
  const lives = await livesWithoutPower(context, { sabotage: 'lies' }, 2);
  assert.throws(() => lives.check(), /run [0-9a-f-]+|done again/);
});
