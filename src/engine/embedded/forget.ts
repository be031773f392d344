import type { Database, Sql } from '../../sqlite/database.ts';
import type { ForgetRuns } from '../forget.ts';

interface Row {
  readonly id: number;
}

/** Takes runs out of the journal; those that have not ended stay. An idempotency key that names one is free from then on. */
export function createForgetRuns(database: Database): ForgetRuns {
  return (runIds) =>
    database.write((sql) => {
      for (const runId of runIds) forget(sql, runId);
    });
}

function forget(sql: Sql, runId: string): void {
  const run = sql.get<Row>('SELECT id FROM runs WHERE run_id = ? AND ended_at IS NOT NULL', runId);
  if (run === undefined) return;
  sql.run('DELETE FROM operations WHERE run = ?', run.id);
  sql.run('DELETE FROM signals WHERE run_id = ?', runId);
  sql.run('DELETE FROM runs WHERE id = ?', run.id);
}
