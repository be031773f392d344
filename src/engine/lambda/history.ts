import type { Operation, RunError } from '../engine.ts';
import { runErrorOf } from '../kept-error.ts';
import type { ExecutionEvent } from './api.ts';
import type { KeptFacts } from './kept-facts.ts';
import { decodedName, type Label, parseLabel } from './labels.ts';
import type { ChildResult, OrderRecord, StepRecord } from './messages.ts';

type Draft = { -readonly [K in keyof Operation]: Operation[K] };

/** The operations of a run, from what happened in its execution. */
export function operationsOf(events: readonly ExecutionEvent[]): Operation[] {
  const reading = new Reading();
  for (const event of events) reading.read(event);
  return [...reading.operations.values()].sort((a, b) => a.position - b.position);
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
  readonly operations = new Map<number, Draft>();

  read(event: ExecutionEvent): void {
    const label = parseLabel(event.name);
    if (label === undefined) this.#order(event);
    else if (event.change === 'started') this.#begin(label, event);
    else this.#end(label, event);
  }

  #begin(label: Label, { kind, at, dueAt }: ExecutionEvent): void {
    const { position, part } = label;
    const operation = this.operations.get(position) ?? this.#first(label, at);
    if (kind === 'step' && label.kind === 'run') operation.attempts += 1;
    if (kind === 'step' && part !== 'begin') delete operation.dueAt;
    if (dueAt !== undefined && operation.endedAt === undefined) operation.dueAt = dueAt;
  }

  #first({ position, kind, encoded }: Label, startedAt: number): Draft {
    const name = decodedName(encoded);
    const operation: Draft = { position, kind, name, status: 'pending', attempts: 0, startedAt };
    this.operations.set(position, operation);
    return operation;
  }

  #end(label: Label, event: ExecutionEvent): void {
    const operation = this.operations.get(label.position);
    if (operation === undefined || label.part?.startsWith('delay')) return;
    if (event.kind === 'wait') end(operation, event.at, {});
    else if (event.kind === 'callback') this.#callback(operation, event);
    else this.#step(operation, JSON.parse(event.result ?? '{}') as StepRecord);
  }

  #callback(operation: Draft, { change, result, at }: ExecutionEvent): void {
    if (operation.kind === 'signal') {
      const received =
        change === 'succeeded'
          ? { timedOut: false, payload: JSON.parse(result ?? 'null') }
          : { timedOut: true };
      end(operation, at, { result: received });
      return;
    }
    const { error, output } = JSON.parse(result ?? '{}') as ChildResult;
    end(operation, at, error === undefined ? { result: output } : { error: runErrorOf(error) });
  }

  #step(operation: Draft, { endedAt, value, error, delayMs }: StepRecord): void {
    if (operation.kind === 'call' || operation.kind === 'start') operation.childRunId = value as string;
    if (operation.kind === 'call' || operation.endedAt !== undefined) return;
    if (operation.kind === 'sleep') end(operation, endedAt, {});
    else if (delayMs !== undefined) {
      Object.assign(operation, { status: 'retrying', error: runErrorOf(error!), dueAt: endedAt + delayMs });
    } else if (error !== undefined) end(operation, endedAt, { error: runErrorOf(error) });
    else end(operation, endedAt, { result: value });
  }

  /** A request to cancel ends what the run waits for then; runs that it called end themselves. */
  #order({ kind, change, result, at }: ExecutionEvent): void {
    if (kind !== 'step' || change !== 'succeeded' || result === undefined) return;
    if (!(JSON.parse(result) as OrderRecord).deliver.includes('control')) return;
    const error: RunError = { code: 'run_cancelled', message: 'The run was cancelled.' };
    for (const operation of this.operations.values()) {
      if (operation.endedAt === undefined && operation.kind !== 'call') end(operation, at, { error });
    }
  }
}

function end(operation: Draft, endedAt: number, how: { result?: unknown; error?: RunError }): void {
  if (operation.endedAt !== undefined) return;
  delete operation.dueAt;
  delete operation.error;
  Object.assign(operation, { status: how.error === undefined ? 'succeeded' : 'failed', endedAt, ...how });
}
