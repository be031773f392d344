import { uuidv7 } from '../../core/ids.ts';
import { hasEnded } from '../engine.ts';
import type { Flow } from '../flow.ts';
import { keepInput } from '../flow-values.ts';
import { Execution } from './execution.ts';
import type { PreparedRun, RunOrigin } from './execution-host.ts';
import { insertRun, runById } from './journal.ts';
import type { Runtime } from './runtime.ts';

/** Prepares a run. `id` is its number. Throws `unknown_flow`, `invalid_request` and what `Values.keep` throws. */
export function prepareRun<I>(
  runtime: Runtime,
  id: number,
  flow: Flow<I>,
  input: I,
  from: RunOrigin,
): PreparedRun {
  const { name, version } = flow;
  runtime.flows.require(name, version);
  const runId = from.runId ?? uuidv7();
  const { kept, key } = keepInput(runtime.values, runId, flow, input);
  const { value, text, store } = kept;
  const createdAt = runtime.clock();
  const { parent, restartOf, priority = 0 } = from;
  const startAt = from.startAt !== undefined && from.startAt > runtime.wallClock() ? from.startAt : undefined;
  const row = {
    ...{ id, runId, flow: name, version, input: text ?? 'null', createdAt, priority },
    ...(restartOf !== undefined && { restartOf }),
    ...(parent && { parent }),
    ...(key !== undefined && { key }),
    ...(startAt !== undefined && { startAt }),
  };
  let abandonedBefore = 0;
  return {
    id,
    runId,
    ...(store !== undefined && { store }),
    insert: (sql) => {
      insertRun(sql, row);
      abandonedBefore = runtime.ends.abandoned;
    },
    enqueue: () => {
      // It may have been ended from outside since it was written.
      if (runtime.ends.abandoned !== abandonedBefore && hasEnded(runById(runtime.database, id)!.status))
        return;
      if (startAt !== undefined) return runtime.setAlarm(startAt);
      const of = { id, runId, flow: flow as unknown as Flow, input: value ?? null, createdAt, priority };
      runtime.queue.addNew(new Execution(runtime, { ...of, cancelReason: null, patches: null }), key);
    },
  };
}
