import type { Operation } from '../engine.ts';
import { runErrorOf } from '../kept-error.ts';
import { endOperation, type OperationDraft, OperationHistory } from '../operation-history.ts';
import type { ExecutionEvent } from './api.ts';
import type { KeptFacts } from './kept-facts.ts';
import { decodedName, type Label, parseLabel } from './labels.ts';
import type { ChildResult, OrderRecord, StepRecord } from './messages.ts';

/** The operations of a run, from what happened in its execution. */
export function operationsOf(events: readonly ExecutionEvent[]): Operation[] {
  const reading = new Reading();
  for (const event of events) reading.read(event);
  return reading.history.operations();
}

/** The facts of a run, as its steps have them: also those that no invocation came to write. */
export function factsOf(events: readonly ExecutionEvent[]): KeptFacts[] {
  return events.flatMap(({ kind, name, result }) => {
    if (kind !== 'step' || result === undefined || parseLabel(name) === undefined) return [];
    const { facts } = JSON.parse(result) as StepRecord;
    return facts === undefined ? [] : [facts];
  });
}

class Reading {
  readonly history = new OperationHistory();

  read(event: ExecutionEvent): void {
    const label = parseLabel(event.name);
    if (label === undefined) this.#order(event);
    else if (event.change === 'started') this.#begin(label, event);
    else this.#end(label, event);
  }

  #begin({ position, kind: called, encoded, part }: Label, { kind, at, dueAt }: ExecutionEvent): void {
    const operation = this.history.begin(called, decodedName(encoded), position, at);
    if (kind === 'step' && called === 'run') operation.attempts += 1;
    if (kind === 'step' && part !== 'begin') delete operation.dueAt;
    if (dueAt !== undefined && operation.endedAt === undefined) operation.dueAt = dueAt;
  }

  #end(label: Label, event: ExecutionEvent): void {
    const operation = this.history.at(label.position);
    if (operation === undefined || label.part?.startsWith('delay')) return;
    if (event.kind === 'wait') endOperation(operation, event.at, {});
    else if (event.kind === 'callback') this.#callback(operation, event);
    else this.#step(operation, JSON.parse(event.result ?? '{}') as StepRecord);
  }

  #callback(operation: OperationDraft, { change, result, at }: ExecutionEvent): void {
    if (operation.kind === 'signal') {
      const received =
        change === 'succeeded'
          ? { timedOut: false, payload: JSON.parse(result ?? 'null') }
          : { timedOut: true };
      endOperation(operation, at, { result: received });
      return;
    }
    const { error, output } = JSON.parse(result ?? '{}') as ChildResult;
    endOperation(operation, at, error === undefined ? { result: output } : { error: runErrorOf(error) });
  }

  #step(operation: OperationDraft, { endedAt, value, error, delayMs }: StepRecord): void {
    if (operation.kind === 'call' || operation.kind === 'start') operation.childRunId = value as string;
    if (operation.kind === 'call' || operation.endedAt !== undefined) return;
    if (operation.kind === 'sleep') endOperation(operation, endedAt, {});
    else if (delayMs !== undefined) {
      Object.assign(operation, { status: 'retrying', error: runErrorOf(error!), dueAt: endedAt + delayMs });
    } else if (error !== undefined) endOperation(operation, endedAt, { error: runErrorOf(error) });
    else endOperation(operation, endedAt, { result: value });
  }

  #order({ kind, change, result, at }: ExecutionEvent): void {
    if (kind !== 'step' || change !== 'succeeded' || result === undefined) return;
    if ((JSON.parse(result) as OrderRecord).deliver.includes('control')) this.history.cancelOpen(at);
  }
}
