import type { Sql } from '../../sqlite/database.ts';
import { putPatches } from './journal.ts';

/**
 * What `step.patched` answers to one run. An answer is given once for each name. A run whose journal goes beyond the place of
 * the first question was there before the patch: false, at every replay, because a journal only grows. Otherwise true, which
 * becomes durable with the next operation that does: without one, a replay asks again at the end of the same journal.
 */
export class Patches {
  readonly #run: number;
  readonly #answers: Map<string, boolean>;
  #unwritten: readonly string[] = [];

  /** `recorded`: the names, as `runs.patches` has them. */
  constructor(run: number, recorded: string | null) {
    this.#run = run;
    this.#answers = new Map(
      recorded === null ? [] : (JSON.parse(recorded) as string[]).map((name) => [name, true]),
    );
  }

  /** `isRecorded`: whether the journal goes beyond the place of the question. */
  answer(name: string, isRecorded: boolean): boolean {
    const given = this.#answers.get(name);
    if (given !== undefined) return given;
    this.#answers.set(name, !isRecorded);
    if (!isRecorded) this.#unwritten = [...this.#unwritten, name];
    return !isRecorded;
  }

  /** `work`, with the answers that are not durable yet in the same write. */
  with<T>(work: (sql: Sql) => T): (sql: Sql) => T {
    if (this.#unwritten.length === 0) return work;
    const names = [...this.#answers].filter(([, answer]) => answer).map(([name]) => name);
    return (sql) => {
      putPatches(sql, this.#run, names);
      return work(sql);
    };
  }

  /** Notes that a write that `with` gave while these were unwritten is durable. */
  written(names: readonly string[]): void {
    if (names.length > 0) this.#unwritten = this.#unwritten.filter((name) => !names.includes(name));
  }

  get unwritten(): readonly string[] {
    return this.#unwritten;
  }
}
