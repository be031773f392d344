import { createHash } from 'node:crypto';
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { canonicalJson } from '../core/canonical-json.ts';
import { type FieldError, SignalboxError } from '../core/errors.ts';
import type { Json } from '../core/json.ts';
import { nearest } from '../core/nearest.ts';

/** What `POST /workflows/trigger`, and every other door that takes the same body, asks to be started. */
export interface Trigger {
  readonly definitionId: string;
  readonly input: Json;
  readonly name: string | null;
  readonly initiatedBy: string | null;
  /** The caller's own id of it: given again, it stands for the first execution. */
  readonly executionId: string | null;
}

/** No slash, so that an id is one segment of a path, and not `.` or `..`, which lead elsewhere; no space and no control character. */
const executionIdPattern = '^(?!\\.{1,2}$)[\\w.:@~+=-]{1,128}$';
/** Nothing but spaces names nobody. */
const label = (maxLength: number) => Type.String({ maxLength, pattern: '^(?=.*\\S)[^\\x00-\\x1f\\x7f]+$' });
const optional = (schema: ReturnType<typeof Type.String>) => Type.Optional(Type.Union([schema, Type.Null()]));

export const triggerBodySchema = Type.Object(
  {
    definition_id: Type.String({ minLength: 1, maxLength: 128 }),
    input_data: Type.Unknown(),
    name: optional(label(128)),
    initiated_by: optional(label(128)),
    execution_id: optional(Type.String({ pattern: executionIdPattern })),
  },
  { additionalProperties: false },
);

const validator = Compile(triggerBodySchema);
const fields = Object.keys(triggerBodySchema.properties);

interface Body {
  readonly definition_id: string;
  readonly input_data: Json;
  readonly name?: string | null;
  readonly initiated_by?: string | null;
  readonly execution_id?: string | null;
}

/** Whether a value says that it is the body of a trigger: so envelopes of several kinds can be told apart. */
export function looksLikeTrigger(value: Json | undefined): boolean {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, 'definition_id');
}

/** Reads the body of a trigger. Throws `invalid_request` with every fault that it has. */
export function parseTrigger(body: unknown): Trigger {
  const faults = faultsOf(body);
  if (faults.length > 0) {
    const places = faults.map(({ path, message }) => `${path} ${message}`).join('; ');
    throw new SignalboxError('invalid_request', `The trigger is not valid: ${places}.`, { fields: faults });
  }
  const { definition_id: definitionId, input_data: input, ...rest } = body as Body;
  const { name = null, initiated_by: initiatedBy = null, execution_id: executionId = null } = rest;
  return { definitionId, input, name, initiatedBy, executionId };
}

function faultsOf(body: unknown): FieldError[] {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    return [{ path: '/', message: 'must be a JSON object with definition_id and input_data' }];
  }
  const unknown = Object.keys(body).filter((name) => !fields.includes(name));
  const known = Object.fromEntries(Object.entries(body).filter(([name]) => fields.includes(name)));
  return [...memberFaults(known), ...unknown.map(unknownField)];
}

/** One fault for each member: what is wrong with one of two alternatives says little. */
function memberFaults(body: Record<string, unknown>): FieldError[] {
  if (validator.Check(body)) return [];
  const missing = ['definition_id', 'input_data'].filter((name) => body[name] === undefined);
  const wrong = Object.keys(body).filter((name) => !checks[name]!.Check(body[name]));
  return [
    ...missing.map((name) => ({ path: `/${name}`, message: 'is missing' })),
    ...wrong.map((name) => ({ path: `/${name}`, message: expected[name]! })),
  ];
}

const checks = Object.fromEntries(
  Object.entries(triggerBodySchema.properties).map(([name, schema]) => [name, Compile(schema)]),
);
const expected: Readonly<Record<string, string>> = {
  definition_id: 'must be a text of 1 to 128 characters',
  name: 'must be a text of 1 to 128 characters',
  initiated_by: 'must be a text of 1 to 128 characters',
  execution_id: 'must be 1 to 128 letters, digits or characters of _.:@~+=-',
};

function unknownField(name: string): FieldError {
  const suggestion = nearest(name, fields);
  const advice = suggestion === undefined ? `known are ${fields.join(', ')}` : `did you mean ${suggestion}?`;
  return { path: `/${name.slice(0, 80)}`, message: `is not known; ${advice}` };
}

/**
 * What an execution id stands for: definition and input. Who asked and what they called it may differ when it is asked for
 * again.
 */
export function fingerprintOf({ definitionId, input }: Trigger): string {
  return createHash('sha256').update(canonicalJson({ definitionId, input })).digest('hex');
}
