import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { SignalboxError } from '../../core/errors.ts';
import { isUuid } from '../../core/ids.ts';
import type { Operation, Run, RunStatus } from '../../engine/engine.ts';
import { paceOf } from '../pace.ts';
import type { AppPorts } from '../ports.ts';
import { oneOf, page, pageQuery, success } from '../shapes/parts.ts';
import {
  flowVersionShape,
  runChangedShape,
  runShape,
  runStatuses,
  runWithHistoryShape,
} from '../shapes/run.ts';
import { operationToWire, runToWire, versionToWire } from '../wire.ts';

const listQuery = Type.Object(
  {
    status: Type.Optional(oneOf(runStatuses)),
    flow: Type.Optional(Type.String({ maxLength: 64 })),
    ...pageQuery,
  },
  { additionalProperties: false },
);

const schemas = {
  flows: {
    summary: 'List flows and their versions, with the unfinished runs that hold them back',
    response: { 200: success({ flows: Type.Array(flowVersionShape) }) },
  },
  list: {
    summary: 'List runs, newest first',
    querystring: listQuery,
    response: { 200: page('runs', runShape) },
  },
  show: { summary: 'Show a run with its history', response: { 200: runWithHistoryShape } },
  resume: { summary: 'Let a paused run try again', response: { 200: runChangedShape } },
  cancel: { summary: 'Ask a run to stop', response: { 200: runChangedShape } },
  terminate: { summary: 'End a run without its code', response: { 200: runChangedShape } },
};

type RunParams = { Params: { run_id: string } };
type Query = {
  readonly status?: RunStatus;
  readonly flow?: string;
  readonly after?: string;
  readonly limit?: number;
};

/** `GET /flows`, `GET /runs` and `GET /runs/{run_id}`: which versions there are, which runs hold them back, what each did. */
export function registerRuns(app: FastifyInstance, { engine, stepTimes }: AppPorts): void {
  app.get('/flows', { schema: schemas.flows }, async () => ({
    success: true,
    flows: (await engine.versions()).map(versionToWire),
  }));

  app.get<{ Querystring: Query }>('/runs', { schema: schemas.list }, async (request) => {
    const page = await engine.list(request.query);
    return { success: true, runs: page.runs.map(runToWire), next: page.next ?? null };
  });

  app.get<RunParams>('/runs/:run_id', { schema: schemas.show }, async (request) => {
    const run = await runOf(engine, request.params.run_id);
    const history = await engine.history(run.runId);
    const marked = history.map((operation) => ({
      ...operationToWire(operation),
      ...paceToWire(run.flow, operation, stepTimes),
    }));
    return { success: true, ...runToWire(run), history: marked };
  });
}

function paceToWire(flow: string, operation: Operation, times: AppPorts['stepTimes']) {
  const { startedAt, endedAt } = operation;
  if (endedAt === undefined) return {};
  const pace = paceOf(flow, operation, times);
  return { duration_ms: endedAt - startedAt, ...(pace && { p99_ms: pace.p99Ms, slow: pace.isSlow }) };
}

/** `POST /runs/{run_id}/resume`, `/cancel` and `/terminate`. */
export function registerRunChanges(app: FastifyInstance, { engine }: AppPorts): void {
  const reason = 'by an operator';
  const changes: Readonly<Record<'resume' | 'cancel' | 'terminate', (runId: string) => Promise<RunStatus>>> =
    {
      resume: (runId) => engine.resume(runId),
      cancel: (runId) => engine.cancel(runId, reason),
      terminate: (runId) => engine.terminate(runId, reason),
    };
  for (const name of ['resume', 'cancel', 'terminate'] as const) {
    app.post<RunParams>(`/runs/:run_id/${name}`, { schema: schemas[name] }, async (request) => {
      const { runId } = await runOf(engine, request.params.run_id);
      return { success: true, run_id: runId, status: await changes[name](runId) };
    });
  }
}

async function runOf(engine: Pick<AppPorts['engine'], 'get'>, runId: string): Promise<Run> {
  const run = isUuid(runId) ? await engine.get(runId.toLowerCase()) : undefined;
  if (run !== undefined) return run;
  throw new SignalboxError(
    'unknown_run',
    `There is no run ${JSON.stringify(runId.slice(0, 80))}. GET /runs lists them.`,
  );
}
