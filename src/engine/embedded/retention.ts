import type { Sql } from '../../sqlite/database.ts';
import type { Task } from '../../sqlite/sweeper.ts';

export interface RetentionOptions {
  /** How long what has ended is kept. */
  readonly keepMs: number;
  /** Milliseconds since the epoch. Default: the system's clock. */
  readonly clock?: () => number;
}

interface Candidate {
  readonly id: number;
  readonly run_id: string;
  readonly created_at: number;
  readonly expired: number;
}

/**
 * Forgets runs that ended long ago: their rows, operations and signals. Never forgotten are
 *
 * - runs that have not ended, however old, and what belongs to one of them: its children, the run that waits for it;
 * - dead letters (`failed`, not started anew), and a run that waited for one;
 * - a run that was started anew, as long as that one is there: its history says what was tried before;
 * - the newest run, so that no number is given out twice.
 *
 * It must be longer than an idempotency key is kept (seven days, for webhooks of other systems): the answer to a repeated
 * request is the run that the key names.
 *
 * Runs are looked at in the order of their numbers, which is that of their creation, until they are too young to have ended
 * so long ago. So it needs no index, and costs nothing while runs are accepted.
 */
export function journalRetention({ keepMs, clock = Date.now }: RetentionOptions): Task {
  return {
    name: 'runs',
    piece(sql, after, limit) {
      const before = clock() - keepMs;
      const candidates = sql.all<Candidate>(candidatesText, before, after, limit);
      const expired = candidates.filter((run) => run.expired === 1);
      for (const run of expired) forget(sql, run);
      const areTooYoung = candidates.every((run) => run.created_at > before);
      const last = candidates.at(-1);
      const isThrough = last === undefined || candidates.length < limit || areTooYoung;
      return { removed: expired.length, ...(!isThrough && { next: last.id }) };
    },
  };
}

const candidatesText = `
  SELECT id, run_id, created_at,
    ended_at IS NOT NULL AND ended_at <= ?
    AND NOT (status = 'failed' AND restarted_as IS NULL)
    AND NOT EXISTS (
      SELECT 1 FROM runs AS child WHERE child.parent = runs.id
        AND (child.ended_at IS NULL OR (child.status = 'failed' AND child.restarted_as IS NULL)))
    AND NOT EXISTS (SELECT 1 FROM runs AS waiting WHERE waiting.id = runs.parent AND waiting.ended_at IS NULL)
    AND (restarted_as IS NULL OR NOT EXISTS (SELECT 1 FROM runs AS later WHERE later.run_id = runs.restarted_as))
    AND id < (SELECT max(id) FROM runs) AS expired
  FROM runs WHERE id > ? ORDER BY id LIMIT ?`;

function forget(sql: Sql, run: Candidate): void {
  sql.run('DELETE FROM operations WHERE run = ?', run.id);
  sql.run('DELETE FROM signals WHERE run_id = ?', run.run_id);
  sql.run('DELETE FROM runs WHERE id = ?', run.id);
}

interface KeptSignal {
  readonly place: string;
  readonly run_id: string;
  readonly name: string;
  readonly occurrence: number;
  readonly unclaimed: number;
}

/** Forgets signals that came before their run, when the run has not come for as long as one that ended is kept. */
export function unclaimedSignals({ keepMs, clock = Date.now }: RetentionOptions): Task {
  return {
    name: 'signals without a run',
    piece(sql, after, limit) {
      const kept = sql.all<KeptSignal>(
        keptSignalsText,
        clock() - keepMs,
        after === 0 ? '["","",0]' : after,
        limit,
      );
      const unclaimed = kept.filter((signal) => signal.unclaimed === 1);
      for (const { run_id: runId, name, occurrence } of unclaimed) {
        sql.run(
          'DELETE FROM signals WHERE run_id = ? AND name = ? AND occurrence = ?',
          runId,
          name,
          occurrence,
        );
      }
      const last = kept.at(-1);
      const isThrough = last === undefined || kept.length < limit;
      return { removed: unclaimed.length, ...(!isThrough && { next: last.place }) };
    },
  };
}

const keptSignalsText = `
  SELECT json_array(run_id, name, occurrence) AS place, run_id, name, occurrence,
    received_at <= ?1 AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.run_id = signals.run_id) AS unclaimed
  FROM signals WHERE (run_id, name, occurrence) > (?2 ->> 0, ?2 ->> 1, ?2 ->> 2)
  ORDER BY run_id, name, occurrence LIMIT ?3`;
