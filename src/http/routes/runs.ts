import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { SignalboxError } from '../../core/errors.ts';
import { isUuid } from '../../core/ids.ts';
import type { Run, RunStatus } from '../../engine/engine.ts';
import type { AppPorts } from '../ports.ts';
import { operationToWire, runToWire, versionToWire } from '../wire.ts';

export const runStatuses: readonly RunStatus[] = [
  'queued',
  'running',
  'waiting',
  'paused',
  'succeeded',
  'failed',
  'cancelled',
];

const listQuery = Type.Object(
  {
    status: Type.Optional(Type.Unsafe<RunStatus>({ type: 'string', enum: [...runStatuses] })),
    flow: Type.Optional(Type.String({ maxLength: 64 })),
    after: Type.Optional(Type.String({ maxLength: 100 })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500 })),
  },
  { additionalProperties: false },
);

type RunParams = { Params: { run_id: string } };
type Query = {
  readonly status?: RunStatus;
  readonly flow?: string;
  readonly after?: string;
  readonly limit?: number;
};

/** `GET /flows`, `GET /runs` and `GET /runs/{run_id}`: which versions there are, which runs hold them back, what each did. */
export function registerRuns(app: FastifyInstance, { engine }: AppPorts): void {
  app.get('/flows', async () => ({ success: true, flows: (await engine.versions()).map(versionToWire) }));

  app.get<{ Querystring: Query }>('/runs', { schema: { querystring: listQuery } }, async (request) => {
    const page = await engine.list(request.query);
    return { success: true, runs: page.runs.map(runToWire), next: page.next ?? null };
  });

  app.get<RunParams>('/runs/:run_id', async (request) => {
    const run = await runOf(engine, request.params.run_id);
    const history = await engine.history(run.runId);
    return { success: true, ...runToWire(run), history: history.map(operationToWire) };
  });
}

/** `POST /runs/{run_id}/resume`, `/cancel` and `/terminate`. */
export function registerRunChanges(app: FastifyInstance, { engine }: AppPorts): void {
  const reason = 'by an operator';
  const changes: Readonly<Record<string, (runId: string) => Promise<RunStatus>>> = {
    resume: (runId) => engine.resume(runId),
    cancel: (runId) => engine.cancel(runId, reason),
    terminate: (runId) => engine.terminate(runId, reason),
  };
  for (const [name, change] of Object.entries(changes)) {
    app.post<RunParams>(`/runs/:run_id/${name}`, async (request) => {
      const { runId } = await runOf(engine, request.params.run_id);
      return { success: true, run_id: runId, status: await change(runId) };
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
