import type { TObject } from 'typebox';

declare module 'fastify' {
  /**
   * What a route says about itself, for `/openapi.json` and `/docs`. `querystring` and `body` are checked before the handler
   * runs; the other parts describe what the handler does itself. `response` has every status that is no problem, as a
   * schema, or as `{ description, content: { [media type]: { schema } } }`; a test compares the answers with it.
   */
  interface FastifySchema {
    /** One line, in the imperative. */
    summary?: string;
    /** Markdown. */
    description?: string;
    /** A body that the handler reads itself: a schema, or `{ content }`. */
    acceptedBody?: object;
    /** Header fields that the handler reads itself. */
    acceptedHeaders?: TObject;
  }
}

/** JSON Schema, as plain data. */
export type JsonSchema = { readonly [keyword: string]: unknown };

/** The type of a schema in words, and the name of the component that it ends with, if it does. */
export function typeOf(schema: JsonSchema): [words: string, component?: string] {
  if (typeof schema.$ref === 'string') return ['', schema.$ref.split('/').at(-1)!];
  if (schema.type === 'array') return within('array of ', typeOf((schema.items ?? {}) as JsonSchema));
  if (Array.isArray(schema.enum)) return [`one of ${schema.enum.join(', ')}`];
  if (schema.const !== undefined) return [JSON.stringify(schema.const)];
  if (Array.isArray(schema.anyOf)) return unionOf(schema.anyOf as readonly JsonSchema[]);
  const range = ['minimum', 'maximum', 'minLength', 'maxLength'].filter((limit) => limit in schema);
  const limits = range.map((limit) => `${limit} ${String(schema[limit])}`).join(', ');
  const format = typeof schema.format === 'string' ? ` (${schema.format})` : '';
  return [`${String(schema.type ?? 'anything')}${format}${limits && `, ${limits}`}`];
}

function unionOf(schemas: readonly JsonSchema[]): [string, string?] {
  const [nothing, some] = [
    schemas.filter(({ type }) => type === 'null'),
    schemas.filter(({ type }) => type !== 'null'),
  ];
  const words = nothing.length > 0 ? 'null or ' : '';
  if (some.length === 1) return within(words, typeOf(some[0]!));
  return [words + some.map((one) => typeOf(one).join('')).join(' or ')];
}

const within = (before: string, [words, ...component]: [string, string?]): [string, string?] => [
  before + words,
  ...component,
];
