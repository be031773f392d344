import type { FastifyInstance } from 'fastify';
import { pagePolicy } from '../page/layout.ts';
import type { AppPorts } from '../ports.ts';
import { htmlPage } from '../shapes/parts.ts';
import type { ServedRoute } from '../zones.ts';
import { type OpenApi, openApiDocument } from './document.ts';
import { documentationPage } from './page.ts';

const schemas = {
  document: {
    summary: 'Describe every route, as OpenAPI 3.1',
    response: {
      200: {
        description: 'The document.',
        content: { 'application/json': { schema: { type: 'object', additionalProperties: true } } },
      },
    },
  },
  page: { summary: 'Show this description to people', response: htmlPage },
};

/** `GET /openapi.json` and `GET /docs`: what the routes say about themselves. Both are made once, when first asked for. */
export function registerDocumentation(
  app: FastifyInstance,
  { about }: AppPorts,
  routes: () => readonly ServedRoute[],
): void {
  let document: OpenApi | undefined;
  let shown: string | undefined;
  const made = async () => {
    document ??= openApiDocument(routes(), (await about()).version);
    return document;
  };
  app.get('/openapi.json', { schema: schemas.document }, async () => made());

  app.get('/docs', { schema: schemas.page }, async (_, reply) => {
    shown ??= documentationPage(await made());
    reply.header('content-security-policy', pagePolicy);
    return reply.type('text/html; charset=utf-8').send(shown);
  });
}
