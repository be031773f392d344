import { SignalboxError } from '../../core/errors.ts';
import type { Sql } from '../../sqlite/database.ts';
import { hasEnded, operationLimit, type SignalOptions, type SignalOutcome } from '../engine.ts';
import { runEnded } from '../refusals.ts';
import { runByRunId } from './journal.ts';
import type { EndedWait } from './run-ends.ts';
import type { Runtime } from './runtime.ts';
import { firstOpenOccurrence, putSignal, putSignalKey, receivedSignal } from './signals.ts';

export interface SentSignal {
  readonly outcome: SignalOutcome;
  /** The wait that it ended. */
  readonly ended?: EndedWait;
  /** The waits before this one have their values now. */
  readonly openFrom?: number;
}

/** Keeps a value for the wait that it is for, and ends that if the run has come to it. Throws `run_ended`. */
export function sendSignal(
  runtime: Runtime,
  sql: Sql,
  signal: { readonly runId: string; readonly name: string; readonly payload: string },
  options: SignalOptions,
): SentSignal {
  const { runId, name, payload } = signal;
  const row = runByRunId(sql, runId);
  const [{ key }, at] = [options, runtime.clock()];
  if (key !== undefined && !putSignalKey(sql, { runId, name, key, at })) return { outcome: 'duplicate' };
  if (row !== undefined && hasEnded(row.status)) throw runEnded(runId, row.status);
  const from = runtime.openWaits.from(runId, name);
  const occurrence = options.occurrence ?? firstOpenOccurrence(sql, runId, name, from);
  if (occurrence > operationLimit) throw tooManySignals(runId, name);
  const about = options.occurrence === undefined ? { openFrom: occurrence + 1 } : {};
  const isFirst = putSignal(sql, { runId, name, occurrence, payload, at });
  if (!isFirst) return { ...about, outcome: 'duplicate' };
  const position = row && waitingPosition(sql, row.id, name, occurrence);
  if (position === undefined) return { ...about, outcome: 'kept' };
  const end = { result: receivedSignal(payload), error: null };
  const ended = runtime.ends.endWait(sql, { run: row!.id, position }, end);
  return ended === undefined ? { ...about, outcome: 'kept' } : { ...about, outcome: 'delivered', ended };
}

function waitingPosition(sql: Sql, run: number, name: string, occurrence: number): number | undefined {
  return sql.get<{ position: number }>(
    `SELECT position FROM operations WHERE run = ? AND kind = 'signal' AND name = ? AND target = ? AND ended_at IS NULL`,
    run,
    name,
    String(occurrence),
  )?.position;
}

function tooManySignals(runId: string, name: string): SignalboxError {
  return new SignalboxError(
    'too_many_operations',
    `Run ${runId} has ${operationLimit} values for waits on "${name}", as many as it can wait for. It takes no more.`,
  );
}
