import { SignalboxError } from '../../core/errors.ts';
import { closingFacts } from '../closing-facts.ts';
import type { RunStatus, StampedFact } from '../engine.ts';
import type { FlowRegistry } from '../flow-registry.ts';
import { keepError, runErrorOf } from '../kept-error.ts';
import type { Values } from '../values.ts';
import type { ExecutionState, LambdaApi } from './api.ts';
import { factsOf, operationsOf } from './history.ts';
import { factsFrom, type KeptFactWriter } from './kept-facts.ts';
import type { ChildResult, RunChange, RunRecord } from './messages.ts';
import { endOf, type RunRecords } from './run-records.ts';

export interface EndsOptions {
  readonly api: LambdaApi;
  readonly runs: RunRecords;
  readonly flows: FlowRegistry;
  readonly values: Values;
  readonly facts: KeptFactWriter;
  readonly now: () => number;
  readonly onEnded: (runId: string) => void;
}

/**
 * Ends runs without their code. The record decides that a run has ended; what follows from it (its execution, its facts, who waits for it) may
 * be done twice, so that a crash in between is mended by asking again.
 */
export class EndsFromOutside {
  readonly #options: EndsOptions;

  constructor(options: EndsOptions) {
    this.#options = options;
  }

  /** Ends a run, and the runs that it waits for. */
  async terminate(runId: string, error: SignalboxError): Promise<RunStatus> {
    const record = await this.#options.runs.change(runId, () => this.#cancelled(error));
    // Also one that was ended by an earlier request, which perhaps did not come to its end.
    if (record.status === 'cancelled') {
      for (const { kind, endedAt, childRunId } of operationsOf(await this.#events(record))) {
        if (kind === 'call' && endedAt === undefined && childRunId !== undefined)
          await this.terminate(childRunId, error);
      }
      await this.#close(record);
    }
    return record.status;
  }

  /** Ends a run that nothing has been heard of yet; returns what becomes of any other. */
  async cancelUnbegun(runId: string, error: SignalboxError): Promise<RunRecord> {
    const record = await this.#options.runs.change(runId, ({ status, control }) =>
      status === 'queued' && control === undefined ? this.#cancelled(error) : undefined,
    );
    const isMine = record.status === 'cancelled' && record.error?.message === error.message;
    if (isMine) await this.#close(record);
    return record;
  }

  #cancelled(error: SignalboxError): RunChange {
    return { status: 'cancelled', error: keepError(error, 'run_cancelled'), endedAt: this.#options.now() };
  }

  /** Ends a run whose execution AWS has ended; returns whether that was so. */
  async endIfOver({ runId, arn }: RunRecord): Promise<boolean> {
    const { api, runs, now } = this.#options;
    const state = arn === undefined ? undefined : await api.get(arn);
    const error = state && endedByAws(state);
    if (error === undefined) return false;
    const end = endOf({ failed: keepError(error, 'run_failed') }, state?.endedAt ?? now());
    const record = await runs.change(runId, () => end);
    // Perhaps it has ended by itself meanwhile.
    if (record.error?.message !== error.message) return false;
    await this.#close(record);
    return true;
  }

  /** Ends the execution of a run that was ended, and closes on the record what it stood for. */
  async #close(record: RunRecord): Promise<void> {
    const { api, facts, onEnded } = this.#options;
    const { runId, arn, error, parentCallback } = record;
    if (arn !== undefined) {
      const { code: type, message } = error!;
      await api.stop(arn, { type, message });
    }
    await facts.write(await this.#factsOf(record));
    const result: ChildResult = { error: error! };
    if (parentCallback !== undefined) await api.completeCallback(parentCallback, JSON.stringify(result));
    onEnded(runId);
  }

  /** Those of its steps, also what no invocation came to write, and those that close it. They are the same whenever they are asked for. */
  async #factsOf(record: RunRecord): Promise<StampedFact[]> {
    const { flows, values } = this.#options;
    const { runId, flow, version, error, restartOf, createdAt } = record;
    const input = await values.resolve(record.input);
    const at = record.endedAt ?? createdAt;
    const events = await this.#events(record);
    const history = operationsOf(events);
    const about = { input, error: runErrorOf(error!), at, isRestart: restartOf !== undefined, history };
    const closing = closingFacts(flows.find(flow, version), runId, about);
    const told = await Promise.all(factsOf(events).map((kept) => factsFrom(values, kept)));
    return [...told.flat(), ...closing];
  }

  async #events({ arn }: RunRecord) {
    return arn === undefined ? [] : await this.#options.api.history(arn);
  }
}

/** A run that has succeeded, or is about to say so, is none of these. */
function endedByAws({ status, error }: ExecutionState): SignalboxError | undefined {
  if (status === 'RUNNING' || status === 'SUCCEEDED') return undefined;
  const message = `AWS has ended the execution of the run (${status}${error?.message ? `: ${error.message}` : ''}).`;
  return new SignalboxError(status === 'STOPPED' ? 'run_cancelled' : 'run_failed', message, {
    retryable: false,
  });
}
