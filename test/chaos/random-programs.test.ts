import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { isOutputOf, type Program, randomProgram } from '../../src/engine/contract/programs.ts';
import { seededRandom } from '../../src/engine/contract/random.ts';

const seed = Number(process.env.CHAOS_SEED ?? 20_261_121);
const kills = Number(process.env.CHAOS_KILLS ?? 12);
const count = 600;

/** Lets a process live; it is killed so long after its first sign of life, or ends by itself. */
async function live(folder: string, killAfterMs?: number): Promise<number | null> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'programs-child.ts'), folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (killAfterMs !== undefined) {
    child.stdout.once('data', () => setTimeout(() => child.kill('SIGKILL'), killAfterMs));
  }
  const tooLate = setTimeout(() => child.kill('SIGKILL'), 60_000);
  await once(child, 'close');
  clearTimeout(tooLate);
  return child.exitCode;
}

interface Row {
  readonly run_id: string;
  readonly flow: string;
  readonly status: string;
  readonly input: string;
  readonly output: string | null;
}

test(`${count} random programs, the process killed ${kills} times (seed ${seed}): each comes to what it says`, {
  timeout: 180_000,
}, async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-programs-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const random = seededRandom(seed);
  const programs = Array.from({ length: count }, () => randomProgram(random, 2 + Math.floor(random() * 10)));
  writeFileSync(join(folder, 'programs.json'), JSON.stringify(programs));
  let killed = 0;
  while (killed < kills && (await live(folder, Math.floor(random() * 60))) === null) killed += 1;
  assert.equal(await live(folder), 0, 'no run is stuck');
  context.diagnostic(`${count} runs accepted, killed ${killed} times`);

  const database = new DatabaseSync(join(folder, 'journal.sqlite'));
  context.after(() => database.close());
  const rows = database.prepare('SELECT * FROM runs').all() as unknown as Row[];
  assert.equal(rows.filter(({ flow }) => flow === 'program').length, count, 'each program is one run');
  for (const { run_id: runId, status, input, output } of rows) {
    assert.equal(status, 'succeeded', `${runId} of ${input}`);
    assert.ok(isOutputOf(JSON.parse(input) as Program, JSON.parse(output!)), `${output} of ${input}`);
  }
  checkAttempts(database, readFileSync(join(folder, 'effects'), 'utf8'));
});

/** Attempts of a step count on across the deaths of the process, and none comes after the one that was its end. */
function checkAttempts(database: DatabaseSync, effects: string): void {
  const steps = database
    .prepare(
      `SELECT run_id || '/' || position AS key, attempts FROM operations JOIN runs ON runs.id = run
       WHERE kind = 'run' AND operations.ended_at IS NOT NULL`,
    )
    .all() as unknown as { key: string; attempts: number }[];
  const last = new Map(steps.map(({ key, attempts }) => [key, attempts]));
  const seen = new Map<string, number>();
  for (const line of effects.trim().split('\n')) {
    const [key, attempt] = line.split(' ') as [string, string];
    assert.ok(
      Number(attempt) >= (seen.get(key) ?? 1),
      `${key}: attempt ${attempt} came after ${seen.get(key)}`,
    );
    seen.set(key, Number(attempt));
  }
  for (const [key, attempts] of last) assert.equal(seen.get(key), attempts, `the last attempt of ${key}`);
}

test('the check of random programs can fail', () => {
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
