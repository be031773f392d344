import { openValue, sealValue } from '../../encryption/sealed-table.ts';
import type { Sql } from '../../sqlite/database.ts';
import { signalContent } from './content.ts';

/**
 * The values that were sent to runs, each for one wait on its name (waits are counted from 1). A row without a payload
 * closes a wait that timed out.
 */

/** The payload that is kept for a wait, as JSON text. */
export function keptSignal(sql: Sql, runId: string, name: string, occurrence: number): string | undefined {
  const row = sql.get<{ payload: string }>(
    'SELECT payload FROM signals WHERE run_id = ? AND name = ? AND occurrence = ?',
    runId,
    name,
    occurrence,
  );
  if (row === undefined) return undefined;
  return (
    row.payload && openValue(sql.content, signalContent, 'payload', row.payload, runId, name, occurrence)
  );
}

/** Keeps a value for a wait, or closes the wait with null; false when it has one already. */
export function putSignal(
  sql: Sql,
  signal: { runId: string; name: string; occurrence: number; payload: string | null; at: number },
): boolean {
  const { changes } = sql.run(
    'INSERT INTO signals (run_id, name, occurrence, payload, received_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
    signal.runId,
    signal.name,
    signal.occurrence,
    sealValue(
      sql.content,
      signalContent,
      'payload',
      signal.payload,
      signal.runId,
      signal.name,
      signal.occurrence,
    ),
    signal.at,
  );
  return changes === 1;
}

/** Keeps the key of a value, as a row of a name that no wait has; false when it was kept before. */
export function putSignalKey(
  sql: Sql,
  { runId, name, key, at }: { runId: string; name: string; key: string; at: number },
): boolean {
  const ledger = `\u0001key:${name.length}:${name}:${key}`;
  return putSignal(sql, { runId, name: ledger, occurrence: 1, payload: null, at });
}

/** The first wait on a name, from the `from`th, that has neither a value nor timed out. */
export function firstOpenOccurrence(sql: Sql, runId: string, name: string, from = 1): number {
  const gap = sql.get<{ occurrence: number }>(
    `SELECT min(occurrence) + 1 AS occurrence FROM (
       SELECT ?3 - 1 AS occurrence UNION ALL SELECT occurrence FROM signals WHERE run_id = ?1 AND name = ?2 AND occurrence >= ?3
     ) AS taken
     WHERE NOT EXISTS (SELECT 1 FROM signals WHERE run_id = ?1 AND name = ?2 AND occurrence = taken.occurrence + 1)`,
    runId,
    name,
    from,
  );
  return gap!.occurrence;
}

const mostPlaces = 10_000;

/**
 * Where to look for the first open wait on a name, so that a run with thousands of signals is not gone through for each further one.
 * Only what is durable gets in, and all of it is forgotten now and then: rows may be removed again.
 */
export class OpenWaits {
  readonly #from = new Map<string, number>();

  from(runId: string, name: string): number {
    return this.#from.get(`${runId}/${name}`) ?? 1;
  }

  /** The waits before this one have their values. */
  moved(runId: string, name: string, from: number): void {
    if (this.#from.size >= mostPlaces) this.forget();
    this.#from.set(`${runId}/${name}`, from);
  }

  forget(): void {
    this.#from.clear();
  }
}

/** The result of a wait, as it is kept: a `SignalResult`. */
export function receivedSignal(payload: string): string {
  return `{"timedOut":false,"payload":${payload}}`;
}

export const timedOutSignal = '{"timedOut":true}';
