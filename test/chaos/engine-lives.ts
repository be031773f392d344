import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { TestContext } from 'node:test';
import { notedLines } from './note.ts';

/** When a process is killed: after a time, at a commit (`<number>:before` or `<number>:after`), or before a statement. */
export interface Kill {
  readonly afterMs?: number;
  readonly atCommit?: string;
  readonly atStatement?: number;
}

export interface LifeOptions {
  /** Runs that the process starts. */
  readonly wanted: number;
  /** Without it the process ends by itself, when all runs have. */
  readonly kill?: Kill;
  /** Makes the process do one thing wrong, to see that the check finds it: see `sabotage.ts`. */
  readonly sabotage?: string;
  /** Imported before the program. */
  readonly hook?: string;
  readonly patienceMs?: number;
}

interface EndedRun {
  readonly run_id: string;
  readonly status: string;
  readonly output: string | null;
  readonly ended_at: number;
}

interface Effect {
  readonly key: string;
  /** The process that did it, or `recorded` once the flow was told of its end. */
  readonly by: string;
}

export interface StepRow {
  readonly run_id: string;
  readonly position: number;
  readonly name: string;
  readonly result: string | null;
}

/** Processes of `engine-child.ts` that live one after the other on one folder, and what they were heard to say. */
export class EngineLives {
  readonly folder: string;
  readonly accepted: string[] = [];
  readonly #signalled = new Set<string>();
  readonly #ended = new Map<string, EndedRun>();
  #count = 0;

  constructor(context: TestContext) {
    this.folder = mkdtempSync(join(tmpdir(), 'signalbox-lives-'));
    context.after(() => rmSync(this.folder, { recursive: true, force: true }));
  }

  /** Lets a process live, and tells how many runs it said were accepted. */
  async live(options: LifeOptions): Promise<number> {
    const { wanted, kill, sabotage = '', hook, patienceMs = 60_000 } = options;
    const hooks = [
      kill?.atCommit === undefined ? undefined : 'kill-at-commit.ts',
      kill?.atStatement === undefined ? undefined : 'kill-at-statement.ts',
      sabotage === '' ? undefined : 'sabotage.ts',
      hook,
    ].filter((name) => name !== undefined);
    const killAt = String(kill?.atCommit ?? kill?.atStatement ?? '');
    const child = spawn(
      process.execPath,
      [
        ...hooks.flatMap((name) => ['--import', join(import.meta.dirname, name)]),
        ...[join(import.meta.dirname, 'engine-child.ts'), this.folder, String(this.#count++), String(wanted)],
      ],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: { ...process.env, KILL_AT: killAt, SABOTAGE: sabotage, FOLDER: this.folder },
      },
    );
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      // The time to live counts from its first sign of life.
      if (output === '' && kill?.afterMs !== undefined) setTimeout(() => child.kill('SIGKILL'), kill.afterMs);
      output += chunk;
    });
    const tooLate = setTimeout(() => child.kill('SIGKILL'), patienceMs);
    await once(child, 'close');
    clearTimeout(tooLate);
    if (kill === undefined && !sabotage) {
      assert.equal(child.exitCode, 0, 'the last process ends by itself: no run is stuck');
    }
    const accepted = told(output, 'accepted');
    this.accepted.push(...accepted);
    for (const runId of told(output, 'signalled')) this.#signalled.add(runId);
    return accepted.length;
  }

  /** Looks at a copy of what is on disk: nothing that had ended before is anything else now. */
  checkEnded(): void {
    this.#look((database) => {
      const ended = database.prepare(
        'SELECT run_id, status, output, ended_at FROM runs WHERE ended_at IS NOT NULL',
      );
      const now = new Map((ended.all() as unknown as EndedRun[]).map((run) => [run.run_id, { ...run }]));
      for (const [runId, run] of this.#ended)
        assert.deepEqual(now.get(runId), run, 'an end is never changed');
      for (const [runId, run] of now) this.#ended.set(runId, run);
    });
  }

  /** Checks what all of them have left. */
  check(): void {
    this.checkEnded();
    this.#look((database) => {
      this.#checkRuns(database);
      const steps = database.prepare(
        `SELECT run_id, position, name, result FROM operations JOIN runs ON runs.id = run WHERE kind = 'run'`,
      );
      const effects = readFileSync(join(this.folder, 'effects'), 'utf8');
      checkEffects(steps.all() as unknown as StepRow[], effects);
    });
  }

  #checkRuns(database: DatabaseSync): void {
    const find = database.prepare('SELECT status, input, output FROM runs WHERE run_id = ?');
    for (const runId of this.accepted) {
      const run = find.get(runId) as { status: string; input: string; output: string } | undefined;
      assert.equal(run?.status, 'succeeded', `run ${runId}`);
      const { n } = JSON.parse(run!.input) as { n: number };
      const bonus = Number(run!.output) - n * 2;
      if (n % 3 !== 0 && this.#signalled.has(runId)) assert.equal(bonus, 1, `run ${runId} has its signal`);
    }
    const count = (what: string) =>
      (database.prepare(`SELECT count(*) AS n FROM ${what}`).get() as { n: number }).n;
    assert.equal(count('runs WHERE ended_at IS NULL'), 0);
    const parents = count(`runs WHERE flow = 'parent'`);
    assert.equal(count('facts'), parents, 'one fact for each start');
    assert.equal(count(`runs WHERE flow = 'child'`), parents * 2, 'each parent has the two children');
  }

  /** A copy, because opening the database itself would move its log into it. */
  #look(work: (database: DatabaseSync) => void): void {
    const copy = join(this.folder, 'copy.sqlite');
    for (const suffix of ['', '-wal']) {
      rmSync(`${copy}${suffix}`, { force: true });
      const original = join(this.folder, `journal.sqlite${suffix}`);
      if (existsSync(original)) copyFileSync(original, `${copy}${suffix}`);
    }
    const database = new DatabaseSync(copy);
    try {
      const { n } = database.prepare(`SELECT count(*) AS n FROM sqlite_schema WHERE name = 'runs'`).get() as {
        n: number;
      };
      // A process that was killed before its first commit leaves nothing.
      if (n === 1) work(database);
    } finally {
      database.close();
    }
  }
}

function told(output: string, word: string): string[] {
  return [...output.matchAll(new RegExp(`^${word} (\\S+)$`, 'gm'))].map((match) => match[1]!);
}

/**
 * Once a flow was told of the end of a step its effect is never done again. Each recorded step names the process whose effect it
 * recorded: it must be the last one that did the effect, because a later one would have done again what was recorded. A step
 * that failed once has two effects at least. Every effect has the key of a recorded step.
 */
export function checkEffects(steps: readonly StepRow[], lines: string): void {
  const doneBy = new Map<string, string[]>();
  const recorded = new Set<string>();
  for (const { key, by } of effectsOf(lines)) {
    if (by === 'recorded') {
      recorded.add(key);
      continue;
    }
    assert.ok(!recorded.has(key), `${key} was done again after its end was told to the flow`);
    doneBy.set(key, [...(doneBy.get(key) ?? []), by]);
  }
  for (const { run_id: runId, position, name, result } of steps) {
    const processes = doneBy.get(`${runId}/${position}`);
    assert.ok(processes, `step ${name} of ${runId} was recorded and so has happened`);
    if (result !== null && result !== 'null')
      assert.equal(processes.at(-1), JSON.parse(result), `${name} of ${runId} after its record`);
    else assert.ok(processes.length >= 2, `${name} of ${runId} was tried twice`);
    doneBy.delete(`${runId}/${position}`);
  }
  assert.deepEqual([...doneBy.keys()], [], 'every effect has the key of a recorded step');
}

function effectsOf(lines: string): Effect[] {
  return notedLines(lines).map(([key, by]) => ({ key: key!, by: by! }));
}
