import {
  handlers,
  InvocationIdParser,
  TerminalError,
  type WorkflowContext,
  type WorkflowSharedContext,
  workflow,
} from '@restatedev/restate-sdk';
import type { SignalOutcome } from '../engine.ts';
import { jsonSerde } from './json-serde.ts';
import {
  type CancelRequest,
  type PatchRequest,
  promises,
  type RestartRequest,
  type RunRequest,
  type RunResult,
  runService,
  type SignalRequest,
  type SignalValue,
  type WaitState,
  waitState,
} from './messages.ts';
import { callOptions, type Keeping, workflowOptions } from './service-options.ts';

/** Calls a flow. Throws what the run failed with, or what makes Restate try again. */
export type RunFlow = (context: WorkflowContext, request: RunRequest) => Promise<RunResult>;

/**
 * Every run of every flow is this workflow, under its run id: so a signal finds its run by the id alone, also before the run
 * is started, and a version is what the request says, whatever was registered last.
 */
export function createRunService(namespace: string, keeping: Keeping, runFlow: RunFlow) {
  const name = runService(namespace);
  return workflow({
    name,
    handlers: {
      run: runFlow,
      signal: handlers.workflow.shared(callOptions, takeSignal),
      cancel: handlers.workflow.shared(callOptions, cancelRun),
      terminating: handlers.workflow.shared(
        callOptions,
        async (context: WorkflowSharedContext, reason: string) => {
          await resolveOnce(context, promises.terminateReason, reason);
        },
      ),
      patch: handlers.workflow.shared(callOptions, isPatched),
      restart: handlers.workflow.shared(
        callOptions,
        (context: WorkflowSharedContext, request: RestartRequest) => restartRun(context, name, request),
      ),
    },
    options: workflowOptions(keeping),
  });
}

/** Keeps the value for the wait that it is for, or for the first that has none. */
async function takeSignal(
  context: WorkflowSharedContext,
  signal: SignalRequest,
): Promise<SignalOutcome | 'ended'> {
  const { name, payload, sentAt, occurrence, key, ended } = signal;
  const keyPromise = key === undefined ? undefined : promises.signalKey(name, key);
  if (ended) return keyPromise && (await context.promise(keyPromise).peek()) ? 'duplicate' : 'ended';
  if (keyPromise !== undefined && !(await resolveOnce(context, keyPromise, true))) return 'duplicate';
  // The waits before the one that the run has come to have their values, or have timed out.
  const waiting = (await context.get<WaitState>(waitState(name)))?.occurrence ?? 0;
  const value: SignalValue = { payload, sentAt };
  for (let at = occurrence ?? Math.max(1, waiting); ; at++) {
    const taken = await resolveOnce(context, promises.signal(name, at), value);
    if (taken) return at <= waiting ? 'delivered' : 'kept';
    if (occurrence !== undefined) return 'duplicate';
  }
}

async function cancelRun(context: WorkflowSharedContext, request: CancelRequest): Promise<void> {
  await resolveOnce(context, promises.cancelReason, request.reason);
  context.cancel(InvocationIdParser.fromString(request.invocationId));
}

/**
 * Whether the run takes the new way of a patch. It is kept beside the journal, not in it: a marker in the journal could never be
 * taken out of the flow.
 */
async function isPatched(context: WorkflowSharedContext, { name, isNew }: PatchRequest): Promise<boolean> {
  const key = promises.patch(name);
  if ((await context.promise<boolean>(key).peek()) !== undefined) return true;
  if (isNew) await resolveOnce(context, key, true);
  return isNew;
}

/** Starts a run anew unless that was done before; the promise decides which run it is. */
async function restartRun(
  context: WorkflowSharedContext,
  service: string,
  { runId, request }: RestartRequest,
): Promise<{ runId: string; created: boolean }> {
  const created = await resolveOnce(context, promises.restartedAs, runId);
  const latest = created ? runId : (await context.promise<string>(promises.restartedAs).peek())!;
  if (created) {
    context.genericSend({ service, method: 'run', key: runId, parameter: request, inputSerde: jsonSerde() });
  }
  return { runId: latest, created };
}

/** Whether the promise had no value yet. */
async function resolveOnce<T>(context: WorkflowSharedContext, key: string, value: T): Promise<boolean> {
  try {
    await context.promise<T>(key).resolve(value);
    return true;
  } catch (error) {
    if (error instanceof TerminalError) return false;
    throw error;
  }
}
