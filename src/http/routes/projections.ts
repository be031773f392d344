import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { type ProjectionName, projectionNames } from '../../record/projections.ts';
import type { AppPorts } from '../ports.ts';
import { projectionsShape } from '../shapes/record.ts';

/** `GET /projections`: how far what is projected from the record has come. */
export function registerProjections(app: FastifyInstance, { store }: AppPorts): void {
  const schema = {
    summary: 'Say how far search and statistics have come',
    response: { 200: projectionsShape },
  };
  app.get('/projections', { schema }, async () => ({
    success: true,
    projections: await store.projections(),
  }));
}

const rebuildBody = Type.Object(
  {
    projections: Type.Optional(
      Type.Array(Type.Unsafe<ProjectionName>({ type: 'string', enum: [...projectionNames] }), {
        minItems: 1,
        maxItems: projectionNames.length,
      }),
    ),
  },
  { additionalProperties: false },
);

/** `POST /projections/rebuild`: makes them anew from the log, in the background. */
export function registerRebuild(app: FastifyInstance, { store }: AppPorts): void {
  const schema = {
    summary: 'Make projections anew from the log',
    body: rebuildBody,
    response: { 202: projectionsShape },
  };
  app.post<{ Body: { readonly projections?: readonly ProjectionName[] } }>(
    '/projections/rebuild',
    { schema },
    async (request, reply) => {
      await store.rebuild(request.body.projections ?? projectionNames);
      return reply.code(202).send({ success: true, projections: await store.projections() });
    },
  );
}
