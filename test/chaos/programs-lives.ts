import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { TestContext } from 'node:test';
import { isOutputOf, type Program, randomProgram } from '../../src/engine/contract/programs.ts';
import { notedLines } from './note.ts';

export interface ProgramsLife {
  /** So long after its first sign of life it is killed; without that and a commit it ends by itself. */
  readonly killAfterMs?: number;
  /** `<number>:before` or `<number>:after`. */
  readonly killAtCommit?: string;
  /** See `sabotage.ts`. */
  readonly sabotage?: string;
}

interface Row {
  readonly run_id: string;
  readonly flow: string;
  readonly status: string;
  readonly input: string;
  readonly output: string | null;
}

/** A folder with random programs, and the processes that run them, one after the other. */
export class ProgramsLives {
  readonly #folder: string;
  readonly #count: number;

  constructor(context: TestContext, random: () => number, count: number) {
    this.#folder = mkdtempSync(join(tmpdir(), 'signalbox-programs-'));
    this.#count = count;
    context.after(() => rmSync(this.#folder, { recursive: true, force: true }));
    const programs = Array.from({ length: count }, () =>
      randomProgram(random, 2 + Math.floor(random() * 10)),
    );
    writeFileSync(join(this.#folder, 'programs.json'), JSON.stringify(programs));
  }

  /** Returns the exit code of the process; null when it was killed. */
  async live({ killAfterMs, killAtCommit, sabotage }: ProgramsLife = {}): Promise<number | null> {
    const hooks = [killAtCommit && 'kill-at-commit.ts', sabotage && 'sabotage.ts'].filter(
      (name) => name !== undefined,
    );
    const imports = hooks.flatMap((name) => ['--import', join(import.meta.dirname, name)]);
    const program = join(import.meta.dirname, 'programs-child.ts');
    const child = spawn(process.execPath, [...imports, program, this.#folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, KILL_AT: killAtCommit ?? '', SABOTAGE: sabotage ?? '' },
    });
    if (killAfterMs !== undefined) {
      child.stdout.once('data', () => setTimeout(() => child.kill('SIGKILL'), killAfterMs));
    }
    const tooLate = setTimeout(() => child.kill('SIGKILL'), 60_000);
    await once(child, 'close');
    clearTimeout(tooLate);
    return child.exitCode;
  }

  /** Each program is one run, which has come to what the program says. */
  check(): void {
    const database = new DatabaseSync(join(this.#folder, 'journal.sqlite'));
    try {
      const rows = database.prepare('SELECT * FROM runs').all() as unknown as Row[];
      const programs = rows.filter(({ flow }) => flow === 'program');
      assert.equal(programs.length, this.#count, 'each program is one run');
      for (const { run_id: runId, status, input, output } of rows) {
        assert.equal(status, 'succeeded', `run ${runId} of ${input}`);
        assert.ok(isOutputOf(JSON.parse(input) as Program, JSON.parse(output!)), `${output} of ${input}`);
      }
      const steps = database.prepare(
        `SELECT run_id || '/' || position AS key, attempts FROM operations JOIN runs ON runs.id = run
         WHERE kind = 'run' AND operations.ended_at IS NOT NULL`,
      );
      const effects = readFileSync(join(this.#folder, 'effects'), 'utf8');
      checkAttempts(steps.all() as unknown as StepAttempts[], effects);
    } finally {
      database.close();
    }
  }
}

export interface StepAttempts {
  readonly key: string;
  readonly attempts: number;
}

/**
 * Attempts of a step count on across the deaths of the process; none comes after the one that was its end, and none after
 * the flow was told of that.
 */
export function checkAttempts(steps: readonly StepAttempts[], effects: string): void {
  const last = new Map<string, number>();
  const told = new Set<string>();
  for (const [key, attempt] of notedLines(effects) as [string, string][]) {
    assert.ok(!told.has(key), `${key} was done again after its end was told to the flow`);
    if (attempt === 'told') told.add(key);
    else {
      assert.ok(
        Number(attempt) >= (last.get(key) ?? 1),
        `${key}: attempt ${attempt} came after ${last.get(key)}`,
      );
      last.set(key, Number(attempt));
    }
  }
  for (const { key, attempts } of steps) assert.equal(last.get(key), attempts, `the last attempt of ${key}`);
}
