import type { Operation } from '../replay.ts';
import type { Child } from '../step.ts';
import type { Execution } from './execution.ts';
import { fromFailure } from './failure.ts';
import { jsonSerde } from './json-serde.ts';
import { label } from './labels.ts';
import { type CancelRequest, type RunRequest, type RunResult, runService } from './messages.ts';
import { runRequest } from './run-request.ts';

/** Starts another run and waits for its end. */
export function callChild<I, O>(execution: Execution, operation: Operation, child: Child<I, O>): void {
  const prepared = prepare(execution, operation, child);
  if (prepared === undefined) return;
  const { runId, request, target, store } = prepared;
  whenStored(execution, operation, store, () => {
    const entry = execution.context.genericCall<RunRequest, RunResult>({
      ...target,
      parameter: request,
      inputSerde: jsonSerde(),
      outputSerde: jsonSerde(),
    });
    operation.cancelChild = (reason) => cancelChild(execution, runId, entry.invocationId, reason);
    execution.replay.later(() => execution.record(request.facts));
    execution.watch(operation, entry, async ({ value, failure }) => {
      if (failure !== undefined) {
        operation.reject(fromFailure(failure));
        return;
      }
      const { output, endedAt } = value as RunResult;
      operation.resolve(await execution.host.values.resolve(output), endedAt);
    });
  });
}

/** Starts another run and goes on. */
export function startChild<I, O>(execution: Execution, operation: Operation, child: Child<I, O>): void {
  const prepared = prepare(execution, operation, child);
  if (prepared === undefined) return;
  const { runId, request, target, store } = prepared;
  whenStored(execution, operation, store, () => {
    execution.context.genericSend<RunRequest>({ ...target, parameter: request, inputSerde: jsonSerde() });
    execution.replay.later(async () => {
      await execution.record(request.facts);
      operation.resolve(runId);
    });
  });
}

/** Begins a child at once, or, when its input is large, once that is stored: which of both is the same at every replay. */
function whenStored(
  execution: Execution,
  operation: Operation,
  store: (() => Promise<void>) | undefined,
  begin: () => void,
): void {
  if (store === undefined) {
    begin();
    return;
  }
  execution.replay.later(async () => {
    if (execution.context.isProcessing()) await store();
    if (!operation.ended) begin();
  });
}

/** Undefined when the flow or the input can't be used: the operation fails then. */
function prepare<I, O>({ host, replay }: Execution, operation: Operation, child: Child<I, O>) {
  return replay.prepared(operation, () => {
    const { flow, input, facts } = child;
    host.requireFlow(flow.name, flow.version);
    const { runId, ...about } = replay.childOf(operation, facts);
    const { request, store } = runRequest(host.values, runId, flow, input, about);
    const name = label(operation.position, operation.name);
    return {
      runId,
      request,
      store,
      target: { service: runService(host.namespace), method: 'run', key: runId, name },
    };
  });
}

/** The call ends with what becomes of the child. */
async function cancelChild(
  { context, host }: Execution,
  runId: string,
  invocationId: Promise<string>,
  reason: string,
): Promise<void> {
  context.genericSend<CancelRequest>({
    service: runService(host.namespace),
    method: 'cancel',
    key: runId,
    parameter: { invocationId: await invocationId, reason },
    inputSerde: jsonSerde(),
  });
}
