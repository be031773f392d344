import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { snakeKeys } from '../../record/wire.ts';
import type { AuditedAct } from '../../store/audit.ts';
import type { AppPorts } from '../ports.ts';
import { actsShape } from '../shapes/act.ts';
import { pageQuery } from '../shapes/parts.ts';

const schema = {
  summary: 'List what operators did, newest first',
  querystring: Type.Object(pageQuery, { additionalProperties: false }),
  response: { 200: actsShape },
};

/** `GET /audit`: who did what, newest first. */
export function registerAudit(app: FastifyInstance, { store }: AppPorts): void {
  app.get<{ Querystring: { after?: string; limit?: number } }>('/audit', { schema }, async (request) => {
    const page = await store.acts(request.query);
    return { success: true, acts: page.acts.map(actToWire), next: page.next ?? null };
  });
}

function actToWire({ end, at, ...act }: AuditedAct): Record<string, unknown> {
  return {
    at: new Date(at).toISOString(),
    ...snakeKeys({ ...act }),
    outcome: end?.outcome ?? 'unknown',
    status: end?.status ?? null,
    code: end?.code ?? null,
    detail: end?.detail ?? null,
    ended_at: end === null ? null : new Date(end.at).toISOString(),
  };
}
