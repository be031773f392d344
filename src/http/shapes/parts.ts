import { type TProperties, type TSchema, Type } from 'typebox';

/**
 * What answers are made of, as JSON Schema 2020-12, which is what OpenAPI 3.1 speaks. They describe and check nothing at run
 * time: the tests compare every answer with them, and a member that they do not know fails there. A schema with a `title`
 * becomes a component of that name.
 */
export const time = (description?: string) =>
  Type.String({ format: 'date-time', ...(description !== undefined && { description }) });

export const uuid = (description?: string) =>
  Type.String({ format: 'uuid', ...(description !== undefined && { description }) });

export const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

export const oneOf = <T extends string>(values: readonly T[], description?: string) =>
  Type.Unsafe<T>({ type: 'string', enum: [...values], ...(description !== undefined && { description }) });

/** Any JSON value. */
export const anything = (description: string) => Type.Unknown({ description });

/** An object of whatever members somebody else has given it. */
export const anyObject = (description: string) => Type.Unsafe<object>({ type: 'object', description });

/** An answer that says what it is of. */
export const success = <T extends TProperties>(members: T, options: { title?: string } = {}) =>
  Type.Object({ success: Type.Literal(true), ...members }, options);

/** A page of a list under its name, with the cursor of the next one. */
export const page = <T extends TSchema>(name: string, item: T) =>
  success({
    [name]: Type.Array(item),
    next: nullable(Type.String({ description: 'The value of `after` for the following page.' })),
  });

/** The query parameters of every list. */
export const pageQuery = {
  after: Type.Optional(Type.String({ maxLength: 100, description: 'The `next` of the page before.' })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500, description: 'Default 50.' })),
};

/** An answer that is no JSON. */
export const text = (mediaType: string, description: string) => ({
  description,
  content: { [mediaType]: { schema: { type: 'string' } } },
});

/** What a browser shows. */
export const htmlPage = {
  200: text('text/html', 'A page for browsers.'),
  303: { description: 'To the form to sign in, or from it to the page that was asked for.', type: 'null' },
};
