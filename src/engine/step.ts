import { defaultRetry } from '../core/retry.ts';
import { checkedStep } from './checked-step.ts';
import type { ChildOptions, Fact, OperationKind, Step, StepContext, StepOptions } from './engine.ts';
import type { Flow } from './flow.ts';

/** A run whose flow calls operations. `Operation` is what an engine knows of one that has not ended. */
export interface OperatingRun<Operation> {
  readonly runId: string;
  /** When the operation that reached the flow last became durable. */
  readonly now: number;
  /** Takes the next position for an operation; `begin` is called unless the journal knows it already. */
  open<T>(kind: OperationKind, name: string, begin: (operation: Operation) => void): Promise<T>;
  /** Which wait on this name the next one is, from 1. */
  nextOccurrence(signal: string): number;
  patched(name: string): Promise<boolean>;
}

/** How an engine begins each kind of operation. */
export interface Beginnings<Operation> {
  run(operation: Operation, work: (context: StepContext) => unknown, options: StepOptions): void;
  sleep(operation: Operation, durationMs: number): void;
  signal(operation: Operation, wait: SignalWait): void;
  /** Starts another run and waits for its end. */
  call<I, O>(operation: Operation, child: Child<I, O>): void;
  /** Starts another run and goes on. */
  start<I, O>(operation: Operation, child: Child<I, O>): void;
}

export interface SignalWait {
  readonly occurrence: number;
  /** Undefined is for ever. */
  readonly timeoutMs: number | undefined;
}

export interface Child<I = unknown, O = unknown> {
  readonly flow: Flow<I, O>;
  readonly input: I;
  readonly facts: readonly Fact[];
}

const defaultOptions: StepOptions = { retry: defaultRetry };

/** The step that a flow acts through, over a run of an engine. */
export function createStep<Operation>(
  run: OperatingRun<Operation>,
  begin: Beginnings<Operation>,
  source: Pick<Step, 'random' | 'uuid'>,
): Step {
  return checkedStep({
    runId: run.runId,
    run: (name, work, options) => {
      const attempts = options === undefined ? defaultOptions : { ...defaultOptions, ...options };
      return run.open('run', name, (operation) => begin.run(operation, work, attempts));
    },
    sleep: (name, durationMs) => run.open('sleep', name, (operation) => begin.sleep(operation, durationMs)),
    waitForSignal: (name, { timeoutMs } = {}) => {
      const occurrence = run.nextOccurrence(name);
      return run.open('signal', name, (operation) => begin.signal(operation, { occurrence, timeoutMs }));
    },
    call: <I, O>(name: string, flow: Flow<I, O>, input: I, { facts = [] }: ChildOptions = {}) =>
      run.open<O>('call', name, (operation) => begin.call(operation, { flow, input, facts })),
    start: <I, O>(name: string, flow: Flow<I, O>, input: I, { facts = [] }: ChildOptions = {}) =>
      run.open<string>('start', name, (operation) => begin.start(operation, { flow, input, facts })),
    patched: (name) => run.patched(name),
    now: () => run.now,
    random: () => source.random(),
    uuid: () => source.uuid(),
  });
}
