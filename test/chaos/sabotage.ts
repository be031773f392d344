// Imported before a process of the chaos tests: makes it do one thing wrong, named by `SABOTAGE`, so that the check can be seen to find it.
import { StatementSync } from 'node:sqlite';

/** Statements of which the tenth is left out, as if it had been made; of steps, which are many, all from the tenth on. */
const forgotten: Readonly<Record<string, (sql: string, values: readonly unknown[]) => boolean>> = {
  'a run is not written': (sql) => sql.startsWith('INSERT INTO runs'),
  'the end of a step is not written': (sql, values) =>
    sql.startsWith('INSERT INTO operations') && values[2] === 'run' && values[4] === 'succeeded',
  'a fact is not written': (sql) => sql.startsWith('INSERT INTO facts'),
};

/** Statements that are given another value from the tenth on. */
const changed: Readonly<Record<string, (sql: string, values: unknown[]) => boolean>> = {
  'another result is written': (sql, values) => {
    if (!sql.startsWith('INSERT INTO operations') || values[2] !== 'run' || values[4] !== 'succeeded')
      return false;
    if (count >= 10) values[8] = '"another"';
    return true;
  },
};

const sabotage = process.env.SABOTAGE ?? '';
const run = StatementSync.prototype.run;
let count = 0;
StatementSync.prototype.run = function (this: StatementSync, ...values: Parameters<typeof run>) {
  if (changed[sabotage]?.(this.sourceSQL, values)) count += 1;
  if (forgotten[sabotage]?.(this.sourceSQL, values)) {
    count += 1;
    if (count === 10 || (count > 10 && values[2] === 'run')) return { changes: 1, lastInsertRowid: 0 };
  }
  return run.apply(this, values);
} as typeof run;
