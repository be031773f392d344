import { defaultRetry } from '../../core/retry.ts';
import { checkedStep } from '../checked-step.ts';
import type { ChildOptions, Step } from '../engine.ts';
import type { Flow } from '../flow.ts';
import { attemptStep } from './attempts.ts';
import { callChild, startChild } from './children.ts';
import type { Execution } from './execution.ts';
import { beginSignalWait, beginSleep } from './waits.ts';

/** The step that a flow acts through, over an execution. */
export function createStep(execution: Execution): Step {
  const { rand } = execution.context;
  return checkedStep({
    runId: execution.runId,
    run: (name, work, options = {}) => {
      const policy = { retry: defaultRetry, ...options };
      return execution.open('run', name, (operation) =>
        attemptStep({ execution, operation, work, options: policy, startedAt: undefined }, 1),
      );
    },
    sleep: (name, durationMs) =>
      execution.open('sleep', name, (operation) => beginSleep(execution, operation, durationMs)),
    waitForSignal: (name, options = {}) => {
      const occurrence = execution.nextOccurrence(name);
      return execution.open('signal', name, (operation) =>
        beginSignalWait(execution, operation, occurrence, options.timeoutMs),
      );
    },
    call: <I, O>(name: string, flow: Flow<I, O>, input: I, options: ChildOptions = {}) =>
      execution.open<O>('call', name, (operation) => callChild(execution, operation, flow, input, options)),
    start: <I, O>(name: string, flow: Flow<I, O>, input: I, options: ChildOptions = {}) =>
      execution.open<string>('start', name, (operation) =>
        startChild(execution, operation, flow, input, options),
      ),
    patched: (name) => execution.patched(name),
    now: () => execution.now,
    random: () => rand.random(),
    uuid: () => rand.uuidv4(),
  });
}
