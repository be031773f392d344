import { childRunId } from '../child-run-id.ts';
import type { ChildOptions } from '../engine.ts';
import type { Flow } from '../flow.ts';
import { keepError } from '../kept-error.ts';
import type { Execution, Operation } from './execution.ts';
import { hasFacts } from './kept-facts.ts';
import { label } from './labels.ts';
import type { ChildResult } from './messages.ts';
import { type PreparedRequest, runRequest } from './run-request.ts';

/** Starts another run and waits for its end: the child completes a callback of this one. */
export function callChild<I, O>(
  execution: Execution,
  operation: Operation,
  flow: Flow<I, O>,
  input: I,
  options: ChildOptions,
): void {
  const prepared = prepare(execution, operation, flow, input, options);
  if (prepared === undefined) return;
  const { request, store } = prepared;
  const opened = Promise.withResolvers<string>();
  const forget = execution.entries.addCallback(
    label(operation.position, 'call', operation.name),
    undefined,
    opened.resolve,
    ({ payload, at }) => ended(execution, operation, JSON.parse(payload ?? '{}') as ChildResult, at),
  );
  operation.forget.push(forget);
  const isBegun = Promise.withResolvers<void>();
  operation.child = { runId: request.runId, begun: isBegun.promise };
  const beginChild = async () =>
    begun(execution, { store, request: { ...request, parentCallback: await opened.promise } });
  const name = label(operation.position, 'call', operation.name, 'begin');
  execution.entries.addStep(
    name,
    beginChild,
    ({ record }) => execution.record(record!.facts ?? []),
    isBegun.resolve,
  );
}

/** Starts another run and goes on. */
export function startChild<I, O>(
  execution: Execution,
  operation: Operation,
  flow: Flow<I, O>,
  input: I,
  options: ChildOptions,
): void {
  const prepared = prepare(execution, operation, flow, input, options);
  if (prepared === undefined) return;
  const name = label(operation.position, 'start', operation.name);
  const forget = execution.entries.addStep(
    name,
    () => begun(execution, prepared),
    async ({ record, at }) => {
      await execution.record(record!.facts ?? []);
      execution.resolve(operation, record!.value, at);
    },
  );
  operation.forget.push(forget);
}

function begun(execution: Execution, { request, store }: PreparedRequest) {
  return execution.working(async () => {
    const startedAt = execution.host.now();
    await execution.stored(store);
    await execution.stored(() => execution.host.startChild(request));
    const { runId: value, facts } = request;
    return { startedAt, endedAt: execution.host.now(), value, ...(hasFacts(facts) && { facts }) };
  });
}

async function ended(
  execution: Execution,
  operation: Operation,
  result: ChildResult,
  at: number,
): Promise<void> {
  const { error, output } = result;
  if (error !== undefined) execution.reject(operation, error, at);
  else execution.resolve(operation, await execution.host.values.resolve(output), at);
}

/** Undefined when the flow or the input can't be used: the operation fails then. */
function prepare<I, O>(
  execution: Execution,
  operation: Operation,
  flow: Flow<I, O>,
  input: I,
  options: ChildOptions,
): PreparedRequest | undefined {
  try {
    const { host, now } = execution;
    host.requireFlow(flow.name, flow.version);
    const runId = childRunId(execution.runId, operation.position, now);
    // The child writes them too before it begins: they are durable as soon as it is started.
    const facts = execution.stamp(operation, 0, options.facts ?? [], now);
    return runRequest(host.values, flow as Flow<I>, input, { runId, createdAt: now, facts });
  } catch (error) {
    execution.later(() => execution.reject(operation, keepError(error, 'step_failed')));
    return undefined;
  }
}
