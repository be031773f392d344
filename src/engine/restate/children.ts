import { childRunId } from '../child-run-id.ts';
import type { ChildOptions } from '../engine.ts';
import type { Flow } from '../flow.ts';
import { keepError } from '../kept-error.ts';
import type { Execution, Operation } from './execution.ts';
import { fromFailure } from './failure.ts';
import { jsonSerde } from './json-serde.ts';
import { label } from './labels.ts';
import { type CancelRequest, type RunRequest, type RunResult, runService } from './messages.ts';
import { runRequest } from './run-request.ts';

/** Starts another run and waits for its end. */
export function callChild<I, O>(
  execution: Execution,
  operation: Operation,
  flow: Flow<I, O>,
  input: I,
  options: ChildOptions,
): void {
  const child = prepare(execution, operation, flow, input, options);
  if (child === undefined) return;
  whenStored(execution, operation, child, () => {
    const entry = execution.context.genericCall<RunRequest, RunResult>({
      ...child.target,
      parameter: child.request,
      inputSerde: jsonSerde(),
      outputSerde: jsonSerde(),
    });
    Object.assign(operation, { child: { runId: child.runId, invocationId: entry.invocationId } });
    execution.later(() => execution.record(child.request.facts));
    execution.watch(operation, entry, async ({ value, failure }) => {
      if (failure !== undefined) {
        execution.reject(operation, fromFailure(failure));
        return;
      }
      const { output, endedAt } = value as RunResult;
      execution.resolve(operation, await execution.host.values.resolve(output), endedAt);
    });
  });
}

/** Starts another run and goes on. */
export function startChild<I, O>(
  execution: Execution,
  operation: Operation,
  flow: Flow<I, O>,
  input: I,
  options: ChildOptions,
): void {
  const child = prepare(execution, operation, flow, input, options);
  if (child === undefined) return;
  whenStored(execution, operation, child, () => {
    execution.context.genericSend<RunRequest>({
      ...child.target,
      parameter: child.request,
      inputSerde: jsonSerde(),
    });
    execution.later(async () => {
      await execution.record(child.request.facts);
      execution.resolve(operation, child.runId);
    });
  });
}

/** Begins a child at once, or, when its input is large, once that is stored: which of both is the same at every replay. */
function whenStored(
  execution: Execution,
  operation: Operation,
  { store }: { readonly store: (() => Promise<void>) | undefined },
  begin: () => void,
): void {
  if (store === undefined) {
    begin();
    return;
  }
  execution.later(async () => {
    if (execution.context.isProcessing()) await store();
    if (!operation.ended) begin();
  });
}

/** Undefined when the flow or the input can't be used: the operation fails then. */
function prepare<I, O>(
  execution: Execution,
  operation: Operation,
  flow: Flow<I, O>,
  input: I,
  options: ChildOptions,
) {
  try {
    const { host, now } = execution;
    host.requireFlow(flow.name, flow.version);
    const runId = childRunId(execution.runId, operation.position, now);
    // The child writes them too before it begins: they are durable as soon as it is started.
    const facts = execution.stamp(operation, 0, options.facts ?? [], now);
    const { request, store } = runRequest(host.values, runId, flow as Flow<I>, input, {
      createdAt: now,
      facts,
    });
    const target = {
      service: runService(host.namespace),
      method: 'run',
      key: runId,
      name: label(operation.position, operation.name),
    };
    return { runId, request, store, target };
  } catch (error) {
    execution.later(() => execution.reject(operation, keepError(error, 'step_failed')));
    return undefined;
  }
}

/** Asks a run that a call waits for to cancel itself; the call ends with what becomes of it. */
export async function cancelChild(
  execution: Execution,
  child: { readonly runId: string; readonly invocationId: Promise<string> },
  reason: string,
): Promise<void> {
  execution.context.genericSend<CancelRequest>({
    service: runService(execution.host.namespace),
    method: 'cancel',
    key: child.runId,
    parameter: { invocationId: await child.invocationId, reason },
    inputSerde: jsonSerde(),
  });
}
