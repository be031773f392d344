import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { messageOf, SignalboxError } from '../../core/errors.ts';
import { parseSource, type Source, shownSource, sourceBodySchema } from '../../inbound/source.ts';
import { toWire } from '../../record/wire.ts';
import { refusalSubject, unknownSource } from '../inbound-door.ts';
import type { AppPorts } from '../ports.ts';
import { success } from '../shapes/parts.ts';
import { deletedSourceShape, refusalsShape, shownSourceShape, sourceShape } from '../shapes/source.ts';
import { type Startables, startableOf } from '../startables.ts';

const schemas = {
  list: {
    summary: 'List the systems that send webhooks',
    response: { 200: success({ sources: Type.Array(sourceShape) }) },
  },
  show: { summary: 'Show a source, without its secrets', response: { 200: shownSourceShape } },
  put: {
    summary: 'Make or replace a source',
    acceptedBody: sourceBodySchema,
    response: { 200: shownSourceShape, 201: shownSourceShape },
  },
  delete: { summary: 'Delete a source', response: { 200: deletedSourceShape } },
};

type Params = { Params: { source: string } };

/**
 * `GET /sources` and `GET /sources/{source}`: never with a secret. `GET /sources/{source}/refusals`: the samples of what was
 * refused, oldest first; of `-` for what named no source.
 */
export function registerSources(app: FastifyInstance, { store }: AppPorts): void {
  app.get('/sources', { schema: schemas.list }, async () => ({
    success: true,
    sources: (await store.sources()).map(shownSource),
  }));

  app.get<Params>('/sources/:source', { schema: schemas.show }, async (request) => {
    const { source: name } = request.params;
    const source = await store.source(name);
    if (source === undefined) throw unknown(name);
    return { success: true, ...(shownSource(source) as object) };
  });

  app.get<Params & { Querystring: RefusalQuery }>(
    '/sources/:source/refusals',
    {
      schema: {
        summary: 'Show samples of what was refused, oldest first; of `-` for what named no source',
        querystring: refusalQuery,
        response: { 200: refusalsShape },
      },
    },
    async (request) => {
      const { source: name } = request.params;
      const { after = 0, limit = 50 } = request.query;
      if (name !== unknownSource && (await store.source(name)) === undefined) throw unknown(name);
      const events = await store.events(refusalSubject(name), after, limit + 1);
      const shown = events.slice(0, limit);
      const next = events.length > limit ? shown.at(-1)!.sequence : null;
      return { success: true, refusals: shown.map(toWire), next };
    },
  );
}

const refusalQuery = Type.Object(
  {
    after: Type.Optional(Type.Integer({ minimum: 0 })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500 })),
  },
  { additionalProperties: false },
);

interface RefusalQuery {
  readonly after?: number;
  readonly limit?: number;
}

/** `PUT /sources/{source}` makes or replaces one, `DELETE` takes it away. */
export function registerSourceChanges(
  app: FastifyInstance,
  { store }: AppPorts,
  startables: Startables,
): void {
  app.put<Params>('/sources/:source', { schema: schemas.put }, async (request, reply) => {
    const source = parseSource(request.params.source, request.body);
    checkStarts(startables, source);
    const created = await store.putSource(source);
    return reply.code(created ? 201 : 200).send({ success: true, ...(shownSource(source) as object) });
  });

  app.delete<Params>('/sources/:source', { schema: schemas.delete }, async (request) => {
    const { source: name } = request.params;
    if (!(await store.deleteSource(name))) throw unknown(name);
    return { success: true, deleted: name };
  });
}

/** What `PUT` would refuse, of the sources of a file. Throws `config_invalid`. */
export async function checkFileSources(
  { store }: Pick<AppPorts, 'store'>,
  startables: Startables,
): Promise<void> {
  for (const source of await store.sources()) {
    if (source.origin !== 'file') continue;
    try {
      checkStarts(startables, source);
    } catch (error) {
      const problem = `SIGNALBOX_SOURCES cannot be used. ${source.name}: ${messageOf(error)}`;
      throw new SignalboxError('config_invalid', problem, { cause: error });
    }
  }
}

function checkStarts(startables: Startables, source: Source): void {
  const message = startableOf(startables, source.starts).problemOf?.(source);
  if (message === undefined) return;
  throw new SignalboxError('invalid_request', `The source "${source.name}" cannot be used: ${message}.`, {
    fields: [{ path: '/options/input', message }],
  });
}

function unknown(name: string): SignalboxError {
  return new SignalboxError(
    'unknown_source',
    `There is no source ${JSON.stringify(name.slice(0, 80))}. GET /sources lists them.`,
  );
}
