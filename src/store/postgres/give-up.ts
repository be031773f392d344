import type { Transaction } from './database.ts';
import { codeOf } from './failure.ts';

const queryCanceled = '57014';

/** For what only reads: resolves with undefined when a statement takes longer than that, and the transaction goes on. */
export async function withinMs<T>(
  sql: Transaction,
  statementMs: number,
  work: () => Promise<T>,
): Promise<T | undefined> {
  await sql.run(`SAVEPOINT given_time; SET LOCAL statement_timeout = ${statementMs}`);
  try {
    return await work();
  } catch (error) {
    if (codeOf(error) !== queryCanceled) throw error;
    return undefined;
  } finally {
    // With it goes the setting.
    await sql.run('ROLLBACK TO SAVEPOINT given_time; RELEASE SAVEPOINT given_time');
  }
}
