/** What must hold in every database of ours, each as a query that finds where it does not. */
export interface Invariant {
  /** What was found wrong, before the places. */
  readonly broken: string;
  /** Gives the place of each fault as `place`. */
  readonly sql: string;
}

/** The journal of the embedded engine. */
const journal: readonly Invariant[] = [
  {
    broken: 'a run has ended without the status of one, or the other way round',
    sql: `SELECT run_id AS place FROM runs
          WHERE (ended_at IS NOT NULL) <> (status IN ('succeeded', 'failed', 'cancelled'))`,
  },
  {
    broken: 'a run that has ended has neither a result nor an error',
    sql: `SELECT run_id AS place FROM runs WHERE ended_at IS NOT NULL
          AND CASE status WHEN 'succeeded' THEN output IS NULL ELSE error IS NULL END`,
  },
  {
    broken: 'a run that has not ended has an input that is not JSON',
    sql: 'SELECT run_id AS place FROM runs WHERE ended_at IS NULL AND NOT json_valid(input)',
  },
  {
    broken: 'a run waits for nothing',
    sql: `SELECT run_id AS place FROM runs WHERE status = 'waiting' AND ended_at IS NULL
          AND NOT EXISTS (SELECT 1 FROM operations WHERE run = runs.id AND ended_at IS NULL)`,
  },
  {
    broken: 'a run waits for a run that is not there',
    sql: `SELECT runs.run_id AS place FROM runs JOIN operations ON operations.run = runs.id
          WHERE runs.ended_at IS NULL AND operations.ended_at IS NULL AND operations.kind = 'call'
          AND NOT EXISTS (SELECT 1 FROM runs AS child WHERE child.run_id = operations.target)`,
  },
  {
    broken: 'a run waits for a signal that is there',
    sql: `SELECT runs.run_id AS place FROM runs JOIN operations ON operations.run = runs.id
          WHERE runs.ended_at IS NULL AND operations.ended_at IS NULL AND operations.kind = 'signal'
          AND EXISTS (SELECT 1 FROM signals WHERE signals.run_id = runs.run_id AND signals.name = operations.name
                      AND signals.occurrence = CAST(operations.target AS INTEGER))`,
  },
  {
    broken: 'a run that has not ended belongs to a run that is not there or does not wait for it',
    sql: `SELECT run_id AS place FROM runs WHERE ended_at IS NULL AND parent IS NOT NULL
          AND NOT EXISTS (SELECT 1 FROM operations WHERE run = runs.parent AND position = runs.parent_position)`,
  },
  {
    broken: 'an operation belongs to no run',
    sql: `SELECT DISTINCT 'run number ' || run AS place FROM operations
          WHERE NOT EXISTS (SELECT 1 FROM runs WHERE runs.id = operations.run)`,
  },
  {
    broken: 'an operation has ended without a place in the order of ends, or the other way round',
    sql: `SELECT 'run number ' || run || ', position ' || position AS place FROM operations
          WHERE (ended_at IS NOT NULL) <> (sequence IS NOT NULL)
             OR (ended_at IS NOT NULL) <> (status IN ('succeeded', 'failed'))`,
  },
  {
    broken: 'two operations of a run ended at the same place in the order of ends',
    sql: `SELECT 'run number ' || run AS place FROM operations WHERE sequence IS NOT NULL
          GROUP BY run HAVING count(DISTINCT sequence) <> count(*)`,
  },
  {
    broken: 'an idempotency key that is still kept names a run that is not there',
    sql: `SELECT 'run number ' || run AS place FROM idempotency_keys
          WHERE expires_at > unixepoch('subsec') * 1000
          AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.id = idempotency_keys.run)`,
  },
];

/** The record of conversations. */
const record: readonly Invariant[] = [
  {
    broken: 'a conversation has no first event',
    sql: `SELECT tracking_id AS place FROM conversations WHERE NOT EXISTS
            (SELECT 1 FROM events WHERE events.tracking_id = conversations.tracking_id
             AND events.type = 'WEBHOOK_REQUEST_RECEIVED')`,
  },
  {
    broken: 'a request was received that no conversation stands for',
    sql: `SELECT tracking_id AS place FROM events WHERE type = 'WEBHOOK_REQUEST_RECEIVED'
          AND NOT EXISTS (SELECT 1 FROM conversations WHERE conversations.tracking_id = events.tracking_id)`,
  },
  {
    broken: 'a conversation is complete without a time, or the other way round',
    sql: 'SELECT tracking_id AS place FROM conversations WHERE complete <> (completed_at IS NOT NULL)',
  },
  {
    broken: 'an event is not JSON',
    sql: `SELECT 'event ' || sequence AS place FROM events WHERE NOT json_valid(data)`,
  },
];

export const invariants: readonly Invariant[] = [...journal, ...record];
