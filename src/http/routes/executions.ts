import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { SignalboxError } from '../../core/errors.ts';
import type { Json } from '../../core/json.ts';
import type { Run, RunPage, RunStatus } from '../../engine/engine.ts';
import { runIdOf, type Triggered, triggeredAs } from '../executions.ts';
import type { AppPorts } from '../ports.ts';
import {
  executionChangedShape,
  executionShape,
  executionsShape,
  retriedShape,
  signalledShape,
} from '../shapes/execution.ts';
import { anything, oneOf, pageQuery } from '../shapes/parts.ts';
import { runStatuses } from '../shapes/run.ts';
import type { Startables } from '../startables.ts';
import { operationToWire, time } from '../wire.ts';

const listQuery = Type.Object(
  {
    status: Type.Optional(oneOf(runStatuses)),
    definition_id: Type.Optional(Type.String({ maxLength: 128 })),
    ...pageQuery,
  },
  { additionalProperties: false },
);

const schemas = {
  list: {
    summary: 'List executions, newest first',
    querystring: listQuery,
    response: { 200: executionsShape },
  },
  show: { summary: 'Show an execution with its history', response: { 200: executionShape } },
  cancel: { summary: 'Ask an execution to stop', response: { 200: executionChangedShape } },
  retry: { summary: 'Start an execution anew', response: { 202: retriedShape } },
  signal: {
    summary: 'Send a signal to an execution; the body is its payload',
    acceptedBody: anything('The payload.'),
    response: { 202: signalledShape },
  },
};

interface ListQuery {
  readonly status?: RunStatus;
  readonly definition_id?: string;
  readonly after?: string;
  readonly limit?: number;
}

type Params = { Params: { execution_id: string } };
type SignalParams = { Params: { execution_id: string; name: string } };

/**
 * `GET /executions` and `GET /executions/{execution_id}`: the runs of what can be started from outside, however they were
 * started.
 */
export function registerExecutions(app: FastifyInstance, ports: AppPorts, startables: Startables): void {
  app.get<{ Querystring: ListQuery }>('/executions', { schema: schemas.list }, async (request) => {
    const { runs, next } = await pageOf(ports, startables, request.query);
    const executions = await Promise.all(runs.map((run) => executionToWire(ports, run)));
    return { success: true, executions, next: next ?? null };
  });

  app.get<Params>('/executions/:execution_id', { schema: schemas.show }, async (request) => {
    const run = await executionOf(ports, startables, request.params.execution_id);
    const history = await ports.engine.history(run.runId);
    return {
      success: true,
      ...(await executionToWire(ports, run)),
      output: run.output ?? null,
      history: history.map(operationToWire),
    };
  });
}

/** `POST /executions/{execution_id}/cancel`, `/retry` and `/signals/{name}`. */
export function registerExecutionChanges(
  app: FastifyInstance,
  ports: AppPorts,
  startables: Startables,
): void {
  const { engine } = ports;

  app.post<Params>('/executions/:execution_id/cancel', { schema: schemas.cancel }, async (request) => {
    const { execution_id: executionId } = request.params;
    const { runId } = await executionOf(ports, startables, executionId);
    const status = await engine.cancel(runId, 'by an operator');
    return { success: true, execution_id: executionId, status };
  });

  app.post<Params>('/executions/:execution_id/retry', { schema: schemas.retry }, async (request, reply) => {
    const { execution_id: executionId } = request.params;
    const { runId, flow } = await executionOf(ports, startables, executionId);
    const again = await engine.restart(runId);
    if (!again.created) reply.header('idempotent-replayed', 'true');
    const about = { execution_id: again.runId, definition_id: flow, retry_of: executionId };
    return reply.code(202).send({ success: true, ...about, status: 'queued' });
  });

  app.post<SignalParams>(
    '/executions/:execution_id/signals/:name',
    { schema: schemas.signal },
    async (request, reply) => {
      const { execution_id: executionId, name } = request.params;
      const key = keyOf(request.headers['idempotency-key']);
      const { runId } = await executionOf(ports, startables, executionId);
      const payload = (request.body as Json | undefined) ?? null;
      const outcome = await engine.signal(runId, nameOf(name), payload, key === undefined ? {} : { key });
      if (outcome === 'duplicate') reply.header('idempotent-replayed', 'true');
      return reply.code(202).send({ success: true, execution_id: executionId, signal: name, outcome });
    },
  );
}

/** Pages are full as long as there are enough: what is no execution (a delivery, say) is read past. */
async function pageOf(ports: AppPorts, startables: Startables, query: ListQuery): Promise<RunPage> {
  const { status, definition_id: flow, limit = 50 } = query;
  if (flow !== undefined && !startables.has(flow)) return { runs: [] };
  const runs: Run[] = [];
  let { after } = query;
  for (let reads = 0; reads < mostReads; reads++) {
    const page = await ports.engine.list({
      limit: limit - runs.length,
      ...(status && { status }),
      ...(flow !== undefined && { flow }),
      ...(after !== undefined && { after }),
    });
    runs.push(...page.runs.filter((run) => startables.has(run.flow)));
    if (page.next === undefined) return { runs };
    after = page.next;
    if (runs.length === limit) break;
  }
  return { runs, next: after! };
}

/** A page is given back short rather than that one request reads for ever. */
const mostReads = 20;

async function executionOf(ports: AppPorts, startables: Startables, executionId: string): Promise<Run> {
  const runId = await runIdOf(ports, executionId);
  const run = runId === undefined ? undefined : await ports.engine.get(runId);
  if (run !== undefined && startables.has(run.flow)) return run;
  const shown = JSON.stringify(executionId.slice(0, 128));
  throw new SignalboxError(
    'unknown_execution',
    `There is no execution ${shown}. GET /executions lists them.`,
  );
}

async function executionToWire(ports: AppPorts, run: Run): Promise<Record<string, unknown>> {
  const triggered = await triggeredAs(ports, run.runId);
  return {
    execution_id: triggered?.executionId ?? run.runId,
    run_id: run.runId,
    definition_id: run.flow,
    version: run.version,
    status: run.status,
    ...labelsOf(triggered),
    queued_at: triggered?.queuedAt ?? time(run.createdAt),
    ended_at: time(run.endedAt),
    error: run.error ?? null,
    retry_of: run.restartOf ?? null,
    retried_as: run.restartedAs ?? null,
    input: run.input,
  };
}

const labelsOf = (triggered: Triggered | undefined) => ({
  name: triggered?.name ?? null,
  initiated_by: triggered?.initiatedBy ?? null,
  channel: triggered?.channel ?? null,
});

function keyOf(header: string | readonly string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  if (typeof header === 'string' && header.length >= 1 && header.length <= 255) return header;
  throw invalid('Idempotency-Key', 'must have 1 to 255 characters');
}

function nameOf(name: string): string {
  if (name.length >= 1 && name.length <= 128 && !/\p{Cc}/u.test(name)) return name;
  throw invalid('name', 'must have 1 to 128 characters, no control characters');
}

function invalid(path: string, message: string): SignalboxError {
  return new SignalboxError('invalid_request', `${path} ${message}.`, { fields: [{ path, message }] });
}
