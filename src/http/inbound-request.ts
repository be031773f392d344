import type { FastifyReply, FastifyRequest } from 'fastify';
import type { InboundRequest, Reply } from '../inbound/scheme.ts';

/** A request as its sender signed it; its body must have been taken as bytes. */
export function inboundOf(request: FastifyRequest): InboundRequest {
  const headers: Record<string, string | undefined> = {};
  for (const [name, value] of Object.entries(request.headers)) {
    headers[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  const { method, originalUrl } = request;
  const url = `${request.protocol}://${request.headers.host ?? 'localhost'}${originalUrl}`;
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  return { method, url, headers, body };
}

export function sendReply(reply: FastifyReply, { status, contentType, body }: Reply): FastifyReply {
  return reply.code(status).type(contentType).send(body);
}
