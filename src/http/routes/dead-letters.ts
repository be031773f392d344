import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { SignalboxError } from '../../core/errors.ts';
import { isUuid } from '../../core/ids.ts';
import type { Run } from '../../engine/engine.ts';
import type { AppPorts } from '../ports.ts';
import { page, pageQuery } from '../shapes/parts.ts';
import { replayedShape, runShape, runWithHistoryShape } from '../shapes/run.ts';
import { operationToWire, runToWire } from '../wire.ts';

const schemas = {
  list: {
    summary: 'List what failed for good and was not started anew',
    querystring: Type.Object(pageQuery, { additionalProperties: false }),
    response: { 200: page('dead_letters', runShape) },
  },
  show: { summary: 'Show a dead letter with its history', response: { 200: runWithHistoryShape } },
  replay: { summary: 'Start a dead letter anew, as another run', response: { 202: replayedShape } },
};

type RunParams = { Params: { run_id: string } };

/** `GET /dead-letters` and `GET /dead-letters/{run_id}`: what failed for good and was not started anew, with its history. */
export function registerDeadLetters(app: FastifyInstance, { engine }: AppPorts): void {
  app.get<{ Querystring: { after?: string; limit?: number } }>(
    '/dead-letters',
    { schema: schemas.list },
    async (request) => {
      const page = await engine.list({ deadLetters: true, ...request.query });
      return { success: true, dead_letters: page.runs.map(runToWire), next: page.next ?? null };
    },
  );

  app.get<RunParams>('/dead-letters/:run_id', { schema: schemas.show }, async (request) => {
    const run = await failedRun(engine, request.params.run_id);
    const history = await engine.history(run.runId);
    return { success: true, ...runToWire(run), history: history.map(operationToWire) };
  });
}

/** `POST /dead-letters/{run_id}/replay`: starts it anew, as another run. */
export function registerReplay(app: FastifyInstance, { engine }: AppPorts): void {
  app.post<RunParams>('/dead-letters/:run_id/replay', { schema: schemas.replay }, async (request, reply) => {
    const { runId, restartOf } = await replay(engine, request.params.run_id);
    return reply.code(202).send({ success: true, run_id: runId, restart_of: restartOf, status: 'queued' });
  });
}

export async function replay(
  engine: Pick<AppPorts['engine'], 'get' | 'restart'>,
  id: string,
): Promise<{ readonly runId: string; readonly restartOf: string }> {
  const run = await failedRun(engine, id);
  if (run.restartedAs !== undefined) {
    throw new SignalboxError('conflict', `It was started anew already, as run ${run.restartedAs}.`);
  }
  const { runId } = await engine.restart(run.runId);
  return { runId, restartOf: run.runId };
}

async function failedRun(engine: Pick<AppPorts['engine'], 'get'>, runId: string): Promise<Run> {
  const run = isUuid(runId) ? await engine.get(runId) : undefined;
  if (run?.status === 'failed') return run;
  const seen = run === undefined ? 'There is no run' : `It is ${run.status}: it is no dead letter.`;
  throw new SignalboxError(
    'not_found',
    run === undefined ? `${seen} ${JSON.stringify(runId.slice(0, 80))}. GET /dead-letters lists them.` : seen,
  );
}
