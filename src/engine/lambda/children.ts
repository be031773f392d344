import type { Operation } from '../replay.ts';
import type { Child } from '../step.ts';
import type { Execution } from './execution.ts';
import { hasFacts } from './kept-facts.ts';
import { label } from './labels.ts';
import type { ChildResult } from './messages.ts';
import { type PreparedRequest, runRequest } from './run-request.ts';

/** Starts another run and waits for its end: the child completes a callback of this one. */
export function callChild<I, O>(execution: Execution, operation: Operation, child: Child<I, O>): void {
  const prepared = prepare(execution, operation, child);
  if (prepared === undefined) return;
  const { request, store } = prepared;
  const opened = Promise.withResolvers<string>();
  const forget = execution.entries.addCallback(
    label(operation.position, 'call', operation.name),
    undefined,
    opened.resolve,
    ({ payload, at }) => ended(execution, operation, JSON.parse(payload ?? '{}') as ChildResult, at),
  );
  operation.waitsFor(forget);
  const isBegun = Promise.withResolvers<void>();
  operation.cancelChild = async (reason) => {
    await isBegun.promise;
    await execution.host.cancelRun(request.runId, reason);
  };
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
export function startChild<I, O>(execution: Execution, operation: Operation, child: Child<I, O>): void {
  const prepared = prepare(execution, operation, child);
  if (prepared === undefined) return;
  const name = label(operation.position, 'start', operation.name);
  const forget = execution.entries.addStep(
    name,
    () => begun(execution, prepared),
    async ({ record, at }) => {
      await execution.record(record!.facts ?? []);
      operation.resolve(record!.value, at);
    },
  );
  operation.waitsFor(forget);
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
  if (error !== undefined) operation.reject(error, at);
  else operation.resolve(await execution.host.values.resolve(output), at);
}

/** Undefined when the flow or the input can't be used: the operation fails then. */
function prepare<I, O>({ host, replay }: Execution, operation: Operation, child: Child<I, O>) {
  return replay.prepared(operation, () => {
    const { flow, input, facts } = child;
    host.requireFlow(flow.name, flow.version);
    return runRequest(host.values, flow, input, replay.childOf(operation, facts));
  });
}
