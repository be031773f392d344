import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Type } from 'typebox';

const noParameters = Type.Object({}, { additionalProperties: false });

/**
 * Routes of this instance that name no parameters take none: one that is misspelt, or of another route, would be left out silently, and
 * the answer be taken for another.
 */
export function refuseUnknownParameters(app: FastifyInstance): void {
  app.addHook('onRoute', (route) => {
    route.schema = { querystring: noParameters, ...route.schema };
  });
}

/** What a route takes, in words, for whoever sent something else. */
export function knownParameters(request: FastifyRequest | undefined): string {
  const { properties = {} } = (request?.routeOptions.schema?.querystring ?? {}) as { properties?: object };
  const names = Object.keys(properties);
  return names.length === 0 ? 'nothing is taken here' : `known: ${names.join(', ')}`;
}
