import { SignalboxError } from '../core/errors.ts';
import { isUuid, uuidv7 } from '../core/ids.ts';
import type { Fact, StartedRun } from '../engine/engine.ts';
import { fingerprintOf, type Trigger } from '../inbound/trigger.ts';
import { event, type RecordedEventOf } from '../record/events.ts';
import type { Door } from './door.ts';
import type { AppPorts } from './ports.ts';
import { lookUp, type Startables } from './startables.ts';

/** How long an execution id stands for its first execution. */
const executionIdKeptMs = 30 * 24 * 3_600_000;

/** An execution as its trigger left it on the record. */
export type Triggered = RecordedEventOf<'WORKFLOW_TRIGGERED'>['data'];

export interface Arrival {
  /** `http`, `eventbridge`, `sqs`, `sns`: by which door it came. */
  readonly channel: string;
  readonly now: number;
  /** By `performance.now()`. */
  readonly receivedAt: number;
  readonly sizeBytes: number;
  readonly door?: Door;
}

export interface TriggerOutcome {
  readonly triggered: Triggered;
  /** False when its execution id had an execution already. */
  readonly created: boolean;
}

/**
 * Starts what a trigger names, once for each execution id: the run, the id and what is known of it become durable together.
 * Throws `invalid_request` for a definition that is not here or an input that does not fit, `idempotency_key_reused` for an id
 * that stands for something else.
 */
export async function startExecution(
  ports: AppPorts,
  startables: Startables,
  trigger: Trigger,
  arrival: Arrival,
): Promise<TriggerOutcome> {
  const { definitionId, input, initiatedBy } = trigger;
  const startable = lookUp(startables, definitionId, '/definition_id');
  await refuseIdOfARun(ports, trigger.executionId);
  const triggered = triggeredOf(trigger, arrival);
  const from = { system: initiatedBy ?? 'workflows', process: trigger.name ?? 'trigger', ...arrival };
  const kept = { runId: triggered.runId, facts: factsOf(triggered), ...idempotencyOf(trigger, arrival.now) };
  const started = await startable.start(input, { ...from, ...kept }).catch(throwAboutInput);
  if (!started.created) return { triggered: await firstOf(ports, triggered, started), created: false };
  ports.log.workflowTriggered(triggered);
  return { triggered, created: true };
}

/** Or else whoever may send could put a run of his own in the place of another one. */
async function refuseIdOfARun({ engine }: Pick<AppPorts, 'engine'>, id: string | null): Promise<void> {
  if (id === null || !isUuid(id) || (await engine.get(id.toLowerCase())) === undefined) return;
  const message = 'is the id of a run that is here; choose another one';
  throw new SignalboxError('invalid_request', `execution_id ${message}.`, {
    fields: [{ path: '/execution_id', message }],
  });
}

/** What a flow says of its input, as places of the trigger. */
function throwAboutInput(error: unknown): never {
  if (!(error instanceof SignalboxError)) throw error;
  if (error.code === 'idempotency_key_reused') {
    const message = 'This execution_id stands for an execution of another definition, or with another input.';
    throw new SignalboxError(error.code, `${message} Use a new one.`, { cause: error });
  }
  if (error.fields === undefined) throw error;
  const fields = error.fields.map(({ path, message }) => ({
    path: `/input_data${path === '/' ? '' : path}`,
    message,
  }));
  const places = fields.map(({ path, message }) => `${path} ${message}`).join('; ');
  throw new SignalboxError(error.code, `The input does not fit: ${places}.`, { cause: error, fields });
}

function triggeredOf(trigger: Trigger, { channel, now }: Arrival): Triggered {
  const runId = uuidv7(now);
  const { definitionId, name, initiatedBy, executionId } = trigger;
  const queuedAt = new Date(now).toISOString();
  return { executionId: executionId ?? runId, runId, definitionId, name, initiatedBy, channel, queuedAt };
}

const subjectOf = (id: string) => `execution:${id}`;

function factsOf(triggered: Triggered): readonly Fact[] {
  const { executionId, runId } = triggered;
  const named = event('WORKFLOW_EXECUTION_NAMED', subjectOf(executionId), { executionId, runId });
  const own = event('WORKFLOW_TRIGGERED', subjectOf(runId), triggered);
  return executionId === runId ? [own] : [own, named];
}

function idempotencyOf(trigger: Trigger, now: number) {
  const { executionId } = trigger;
  if (executionId === null) return {};
  const expiresAt = now + executionIdKeptMs;
  return { idempotency: { key: subjectOf(executionId), fingerprint: fingerprintOf(trigger), expiresAt } };
}

async function firstOf(ports: AppPorts, second: Triggered, { runId }: StartedRun): Promise<Triggered> {
  return (await triggeredAs(ports, runId)) ?? { ...second, runId };
}

/** What the trigger of a run said; undefined for a run that was started otherwise. */
export async function triggeredAs(
  { store }: Pick<AppPorts, 'store'>,
  runId: string,
): Promise<Triggered | undefined> {
  const events = await store.events(subjectOf(runId));
  return events.find((one) => one.type === 'WORKFLOW_TRIGGERED')?.data;
}

/** The id of the run that an execution is; undefined for an id that stands for none. That of a run is always that run's. */
export async function runIdOf(
  { store, engine }: Pick<AppPorts, 'store' | 'engine'>,
  executionId: string,
): Promise<string | undefined> {
  if (isUuid(executionId) && (await engine.get(executionId.toLowerCase())) !== undefined) {
    return executionId.toLowerCase();
  }
  const events = await store.events(subjectOf(executionId));
  // The latest: an id can be given again once it no longer stands for its first execution.
  const named = events.findLast((one) => one.type === 'WORKFLOW_EXECUTION_NAMED');
  return named?.data.runId;
}
