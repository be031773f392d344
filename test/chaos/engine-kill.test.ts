import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Database } from '../../src/sqlite/database.ts';
import { seededRandom } from '../fixtures/random.ts';

const seed = Number(process.env.CHAOS_SEED ?? 20_261_121);
const kills = Number(process.env.CHAOS_KILLS ?? 25);
/** As many as a run of `engine-child.ts` takes when it is alone, or a few more. */
const commitsOfARun = 20;

interface Life {
  readonly accepted: readonly string[];
  readonly signalled: readonly string[];
}

/** When a process is killed: after a time, or at a commit (`<number>:before` or `<number>:after`). */
interface Kill {
  readonly afterMs?: number;
  readonly atCommit?: string;
}

/** Lets a process start `wanted` runs; kills it, or lets it finish. */
async function live(folder: string, incarnation: number, wanted: number, kill?: Kill): Promise<Life> {
  const [script, killer] = ['engine-child.ts', 'kill-at-commit.ts'].map((name) =>
    join(import.meta.dirname, name),
  );
  const options = kill?.atCommit === undefined ? [] : ['--import', killer!];
  const child = spawn(process.execPath, [...options, script!, folder, String(incarnation), String(wanted)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, KILL_AT: kill?.atCommit ?? '' },
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    // The time to live counts from its first sign of life.
    if (output === '' && kill?.afterMs !== undefined) setTimeout(() => child.kill('SIGKILL'), kill.afterMs);
    output += chunk;
  });
  const tooLate = setTimeout(() => child.kill('SIGKILL'), 60_000);
  await once(child, 'close');
  clearTimeout(tooLate);
  if (kill === undefined) assert.equal(child.exitCode, 0, 'the last process ends by itself: no run is stuck');
  const told = (word: string) =>
    [...output.matchAll(new RegExp(`^${word} (\\S+)$`, 'gm'))].map((match) => match[1]!);
  return { accepted: told('accepted'), signalled: told('signalled') };
}

test(`the engine is killed ${kills} times (seed ${seed}): nothing is lost, nothing recorded is done again`, async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-kill-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const random = seededRandom(seed);
  const lives: Life[] = [];
  for (let incarnation = 0; incarnation < kills; incarnation++) {
    lives.push(await live(folder, incarnation, 60, { afterMs: Math.floor(random() * 250) }));
  }
  lives.push(await live(folder, kills, 1));
  const count = lives.flatMap(({ accepted }) => accepted).length;
  assert.ok(count > kills, `${count} runs were accepted`);
  context.diagnostic(`${count} runs accepted`);

  await checkFolder(context, folder, lives);
});

test('the engine is killed at each commit of a run, before it and after it: nothing is lost, nothing recorded is done again', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-commits-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const lives: Life[] = [];
  // Each process takes up the run that the one before left, and begins one of its own: so recoveries are killed as well.
  for (let commit = 1; commit <= commitsOfARun; commit++) {
    for (const side of ['before', 'after']) {
      lives.push(await live(folder, lives.length, 1, { atCommit: `${commit}:${side}` }));
    }
  }
  const told = lives.filter(({ accepted }) => accepted.length > 0).length;
  assert.ok(told >= commitsOfARun, `${told} of ${lives.length} processes came as far as to accept a run`);
  lives.push(await live(folder, lives.length, 1));
  await checkFolder(context, folder, lives);
});

async function checkFolder(context: TestContext, folder: string, lives: readonly Life[]): Promise<void> {
  const database = new Database(join(folder, 'journal.sqlite'));
  context.after(() => database.close());
  const accepted = lives.flatMap((life) => life.accepted);
  const signalled = new Set(lives.flatMap((life) => life.signalled));

  for (const runId of accepted) {
    const run = database.get<{ status: string; input: string; output: string }>(
      'SELECT status, input, output FROM runs WHERE run_id = ?',
      runId,
    );
    assert.equal(run?.status, 'succeeded', `run ${runId}`);
    const { n } = JSON.parse(run!.input) as { n: number };
    const bonus = Number(run!.output) - n * 2;
    if (n % 3 !== 0 && signalled.has(runId)) assert.equal(bonus, 1, `run ${runId} has its signal`);
  }
  assert.equal(database.get<{ n: number }>('SELECT count(*) AS n FROM runs WHERE ended_at IS NULL')!.n, 0);
  const parents = database.get<{ n: number }>(`SELECT count(*) AS n FROM runs WHERE flow = 'parent'`)!.n;
  assert.equal(
    database.get<{ n: number }>('SELECT count(*) AS n FROM facts')!.n,
    parents,
    'one fact for each start',
  );
  assert.equal(
    database.get<{ n: number }>(`SELECT count(*) AS n FROM runs WHERE flow = 'child'`)!.n,
    parents * 2,
    'each parent has the two children that it began',
  );
  checkEffects(database, readFileSync(join(folder, 'effects'), 'utf8'));
}

/**
 * Each recorded step names the process whose effect it recorded: it must be the last one that did the effect, because a
 * later one would have done again what was recorded. A step that failed once has two effects at least.
 */
function checkEffects(database: Database, effects: string): void {
  const doneBy = new Map<string, string[]>();
  for (const line of effects.trim().split('\n')) {
    const [key, incarnation] = line.split(' ') as [string, string];
    doneBy.set(key, [...(doneBy.get(key) ?? []), incarnation]);
  }
  const steps = database.all<{ run_id: string; position: number; name: string; result: string | null }>(
    `SELECT run_id, position, name, result FROM operations JOIN runs ON runs.id = run WHERE kind = 'run'`,
  );
  for (const { run_id: runId, position, name, result } of steps) {
    const incarnations = doneBy.get(`${runId}/${position}`);
    assert.ok(incarnations, `step ${name} of ${runId} was recorded and so has happened`);
    if (result !== null)
      assert.equal(incarnations.at(-1), JSON.parse(result), `${name} of ${runId} after its record`);
    else assert.ok(incarnations.length >= 2, `${name} of ${runId} was tried twice`);
    doneBy.delete(`${runId}/${position}`);
  }
  assert.deepEqual([...doneBy.keys()], [], 'every effect has the key of a recorded step');
}

test('the check sees a recorded step that is done again, and an effect without a record', () => {
  const database = new Database(':memory:');
  database.run(
    `INSERT INTO runs (id, run_id, flow, version, status, input, created_at) VALUES (1, 'r', 'f', 1, 'succeeded', '{}', 0)`,
  );
  database.run(
    `INSERT INTO operations (run, position, kind, name, status, result, started_at) VALUES (1, 0, 'run', 'one', 'succeeded', '"1"', 0)`,
  );
  checkEffects(database, 'r/0 0\nr/0 1\n');
  assert.throws(() => checkEffects(database, 'r/0 1\nr/0 2\n'), /after its record/);
  assert.throws(() => checkEffects(database, 'r/0 1\nr/1 1\n'), /every effect has the key/);
  assert.throws(() => checkEffects(database, 'r/1 1\n'), /recorded and so has happened/);
  database.close();
});
