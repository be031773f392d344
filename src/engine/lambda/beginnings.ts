import type { Operation } from '../replay.ts';
import type { Beginnings } from '../step.ts';
import { attemptStep } from './attempts.ts';
import { callChild, startChild } from './children.ts';
import type { Execution } from './execution.ts';
import { beginSignalWait, beginSleep } from './waits.ts';

/** How what a flow calls begins: each as an operation of AWS. */
export function beginningsOf(execution: Execution): Beginnings<Operation> {
  return {
    run: (operation, work, options) =>
      attemptStep({ execution, operation, work, options, startedAt: undefined }, 1),
    sleep: (operation, durationMs) => beginSleep(execution, operation, durationMs),
    signal: (operation, wait) => beginSignalWait(execution, operation, wait),
    call: (operation, child) => callChild(execution, operation, child),
    start: (operation, child) => startChild(execution, operation, child),
  };
}
