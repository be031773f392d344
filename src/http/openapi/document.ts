import { STATUS_CODES } from 'node:http';
import type { FastifySchema } from 'fastify';
import { problemShape } from '../shapes/problem.ts';
import type { ServedRoute } from '../zones.ts';
import { Components } from './components.ts';
import type { JsonSchema } from './described.ts';

export interface OpenApi {
  readonly openapi: '3.1.0';
  readonly info: JsonSchema;
  readonly tags: readonly { readonly name: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> } & JsonSchema;
}

export interface Operation {
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description?: string;
  readonly operationId: string;
  readonly 'x-zone': string;
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly required: boolean; readonly content: Content };
  readonly responses: Readonly<Record<string, Response>>;
}

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required: boolean;
  readonly description?: string;
  readonly schema: unknown;
}

export type Content = Readonly<Record<string, { readonly schema: unknown }>>;
export type Response = {
  readonly description?: string;
  readonly $ref?: string;
  readonly headers?: unknown;
  readonly content?: Content;
};

/** What the routes say about themselves, as OpenAPI 3.1 (https://spec.openapis.org/oas/v3.1.1.html). */
export function openApiDocument(routes: readonly ServedRoute[], version: string): OpenApi {
  const components = new Components();
  components.refer(problemShape);
  const paths: Record<string, Record<string, Operation>> = {};
  const documented = routes.filter(({ method }) => method !== 'HEAD');
  for (const route of documented.toSorted(byPath)) {
    const path = pathOf(route.url);
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route, components) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Signalbox',
      version,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      description:
        'AI agents behind webhooks: every request a durable run, every answer delivered, signed, on the record. Errors are problem details (RFC 9457) with a stable `code`.',
    },
    tags: [...new Set(documented.map(({ url }) => tagOf(url)))].sort().map((name) => ({ name })),
    paths,
    components: {
      schemas: components.schemas,
      responses: { Problem: problemResponse },
      headers: rateLimitHeaders,
      securitySchemes,
    },
  };
}

const byPath = (a: ServedRoute, b: ServedRoute): number =>
  a.url === b.url ? (a.method < b.method ? -1 : 1) : a.url < b.url ? -1 : 1;

/** `/runs/:run_id` as `/runs/{run_id}`. */
export const pathOf = (url: string): string => url.replace(/:([a-z_]+)/g, '{$1}');

const tagOf = (url: string): string => url.split('/')[1] || 'pages';

/** Either of the schemes, with one of the scopes. */
const securitySchemes = {
  bearer: { type: 'http', scheme: 'bearer', description: 'An API key with the scope that is named.' },
  apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
  basic: { type: 'http', scheme: 'basic', description: 'For browsers: any name, the key as password.' },
};

const problemResponse = {
  description: 'A problem; `code` says which.',
  headers: { 'Retry-After': { description: 'Seconds, with 429 and 503.', schema: { type: 'integer' } } },
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
};

const rateLimitHeaders = {
  'RateLimit-Policy': {
    description: 'The limits that count here: how many requests (`q`) in how many seconds (`w`).',
    schema: { type: 'string', examples: ['"source";q=6000;w=60'] },
  },
  RateLimit: {
    description: 'What is left of each (`r`), and in how many seconds it begins anew (`t`).',
    schema: { type: 'string', examples: ['"source";r=5999;t=60'] },
  },
};

function operationOf(route: ServedRoute, components: Components): Operation {
  const { method, url, zone, schema = {}, scopes = [] } = route;
  const body = schema.acceptedBody ?? (schema.body as object | undefined);
  const parameters = parametersOf(url, schema, components);
  return {
    tags: [tagOf(url)],
    summary: schema.summary ?? '',
    ...(schema.description !== undefined && { description: schema.description }),
    operationId: operationIdOf(method, url),
    'x-zone': zone,
    security: scopes.flatMap((scope) => Object.keys(securitySchemes).map((name) => ({ [name]: [scope] }))),
    ...(parameters.length > 0 && { parameters }),
    ...(body !== undefined && { requestBody: { required: true, content: contentOf(body, components) } }),
    responses: responsesOf(route, components),
  };
}

/** `GET /runs/:run_id` is `getRunsByRunId`. */
function operationIdOf(method: string, url: string): string {
  const words = url.replace(/:/g, 'by_').split(/[^a-zA-Z0-9]+/);
  const name = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
  return `${method.toLowerCase()}${name || 'Home'}`;
}

function parametersOf(url: string, schema: FastifySchema, components: Components): Parameter[] {
  const inPath = [...url.matchAll(/:([a-z_]+)/g)].map(([, name]): Parameter => {
    const format = name === 'tracking_id' || name === 'run_id' ? { format: 'uuid' } : {};
    return { name: name!, in: 'path', required: true, schema: { type: 'string', ...format } };
  });
  return [
    ...inPath,
    ...membersOf(schema.querystring, 'query', components),
    ...membersOf(schema.headers ?? schema.acceptedHeaders, 'header', components),
  ];
}

function membersOf(object: unknown, place: Parameter['in'], components: Components): Parameter[] {
  const { properties = {}, required = [] } = (object ?? {}) as {
    properties?: Readonly<Record<string, JsonSchema>>;
    required?: readonly string[];
  };
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    ...{ name, in: place, required: required.includes(name) },
    ...(typeof description === 'string' && { description }),
    schema: components.refer(schema),
  }));
}

function contentOf(body: object, components: Components): Content {
  if (!('content' in body)) return { 'application/json': { schema: components.refer(body) } };
  return components.refer(body.content) as Content;
}

function responsesOf({ method, zone, schema }: ServedRoute, components: Components) {
  const given = Object.entries((schema?.response ?? {}) as Readonly<Record<string, JsonSchema>>);
  const limited = zone === 'senders' && method === 'POST' ? { headers: rateLimitReferences } : {};
  const responses = given.map(([status, response]): [string, Response] => [
    status,
    { ...responseOf(status, response, components), ...limited },
  ]);
  return Object.fromEntries([...responses, ['default', { $ref: '#/components/responses/Problem' }]]);
}

const rateLimitReferences = Object.fromEntries(
  Object.keys(rateLimitHeaders).map((name) => [name, { $ref: `#/components/headers/${name}` }]),
);

function responseOf(status: string, response: JsonSchema, components: Components): Response {
  const usual = STATUS_CODES[status] ?? status;
  if (status === '204' || status === '303') return { description: String(response.description ?? usual) };
  const { description = usual } = 'content' in response ? response : {};
  return { description: String(description), content: contentOf(response, components) };
}
