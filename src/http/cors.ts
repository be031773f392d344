import type { FastifyInstance } from 'fastify';

declare module 'fastify' {
  interface FastifyRequest {
    /** The page that calls is of an origin that the operator has named. */
    originIsAllowed?: boolean;
  }
}

const methods = 'GET, POST, PUT, DELETE';
const headers = 'Authorization, Content-Type, Idempotency-Key, Last-Event-ID, X-API-Key';
const exposed = 'RateLimit, RateLimit-Policy, Retry-After, Idempotent-Replayed';
const preflightSeconds = 600;

/**
 * Lets pages of exactly these origins call, with a key that they send themselves: a browser's own credentials are never part of it
 * (https://fetch.spec.whatwg.org/#http-cors-protocol). Without origins nothing is said of any, so that browsers refuse them all.
 */
export function allowOrigins(server: FastifyInstance, origins: readonly string[]): void {
  if (origins.length === 0) return;
  server.addHook('onRequest', async (request, reply) => {
    reply.header('vary', 'Origin');
    const { origin } = request.headers;
    if (origin === undefined || !origins.includes(origin)) return;
    request.originIsAllowed = true;
    reply.header('access-control-allow-origin', origin).header('access-control-expose-headers', exposed);
    const isPreflight = request.method === 'OPTIONS' && 'access-control-request-method' in request.headers;
    if (!isPreflight) return;
    reply.header('access-control-allow-methods', methods).header('access-control-allow-headers', headers);
    return reply.header('access-control-max-age', preflightSeconds).code(204).send();
  });
}
