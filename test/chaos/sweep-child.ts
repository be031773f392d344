// The process that the test of retention kills: it sweeps a database once, and dies at the place that KILL_AT names:
// `<part of a statement>:<how often it is run before>:before|after`. With SABOTAGE a piece is not one transaction.
import { journalRetention } from '../../src/engine/embedded/retention.ts';
import { compaction } from '../../src/sqlite/compaction.ts';
import { Database, type SqlRow } from '../../src/sqlite/database.ts';
import { Sweeper } from '../../src/sqlite/sweeper.ts';
import { recordRetention } from '../../src/store/sqlite/retention.ts';

const [part = '', times, side] = (process.env.KILL_AT ?? '').split(':');
let left = part === '' ? Number.POSITIVE_INFINITY : Number(times);

class Mortal extends Database {
  override run(sql: string, ...values: Parameters<Database['run']> extends [string, ...infer V] ? V : never) {
    const written = this.#dying(sql, () => super.run(sql, ...values));
    if (process.env.SABOTAGE !== undefined && sql.startsWith('DELETE FROM operations')) {
      super.run('COMMIT');
      super.run('BEGIN IMMEDIATE');
    }
    return written;
  }

  override all<T = SqlRow>(
    sql: string,
    ...values: Parameters<Database['all']> extends [string, ...infer V] ? V : never
  ) {
    return this.#dying(sql, () => super.all<T>(sql, ...values));
  }

  #dying<T>(sql: string, work: () => T): T {
    const dies = sql.includes(part) && left-- <= 0;
    if (dies && side === 'before') process.kill(process.pid, 'SIGKILL');
    const result = work();
    if (dies) process.kill(process.pid, 'SIGKILL');
    return result;
  }
}

const database = new Mortal(process.argv[2]!);
const keepMs = 30 * 86_400_000;
const sweeper = new Sweeper({
  database,
  tasks: [
    journalRetention({ keepMs }),
    recordRetention({ keep: { all: keepMs, byType: {} } }),
    compaction(0),
  ],
});
await sweeper.sweep();
database.close();
