import { AsyncLocalStorage } from 'node:async_hooks';

/** Whose code it is that executes; without a step, that of the flow itself. */
export interface Executing {
  readonly flow: string;
  readonly runId: string;
  readonly step?: string;
}

const storage = new AsyncLocalStorage<Executing>();

/** Calls `work` as code of a run; what it calls later, in promises and timers, counts as well. */
export function executing<T>(what: Executing, work: () => T): T {
  return storage.run(what, work);
}

/** Whose code calls this. */
export function whatExecutes(): Executing | undefined {
  return storage.getStore();
}
