import type { Static, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { SignalboxError } from '../core/errors.ts';
import type { Fact, Operation, RunError, Step } from './engine.ts';

/** A flow as its author writes it: a function of a step and an input, with a name, a version and two schemas. */
export interface FlowSource<I extends TSchema, O extends TSchema> {
  readonly name: string;
  /** Raised when the order, kind or name of the operations changes; runs keep the version that they began with. */
  readonly version: number;
  readonly input: I;
  readonly output: O;
  /** How many runs may execute at once; waiting ones do not count. Default 256. Or that, and a limit for each key. */
  readonly concurrency?: number | Concurrency<Static<I>>;
  /**
   * Whether it follows from what was accepted, and nobody waits for it: its runs that wait for their turn keep no other one from being accepted.
   * Default: no.
   */
  readonly background?: boolean;
  run(step: Step, input: Static<I>): Promise<Static<O>>;
  /**
   * Facts that close on the record what a run stood for that is ended without its code: terminated, or cancelled before
   * it began. They become durable with that end. A pure function. Default: none.
   */
  abandoned?(run: AbandonedRun<Static<I>>): readonly Fact[];
}

export interface Concurrency<I> {
  /** How many runs may execute at once, whatever their keys. Default 256. */
  readonly flow?: number;
  /** A pure function of the input: text of 1 to 200 characters. */
  readonly key: (input: I) => string;
  /** How many runs with one key may be under way: begun and not ended, also while they wait or are paused. */
  readonly limit: number;
}

/** A run at the moment at which it is ended without its code. */
export interface AbandonedRun<I> {
  readonly input: I;
  readonly error: RunError;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Whether it was started anew from another run. */
  readonly isRestart: boolean;
  /** The journal so far. */
  readonly history: readonly Operation[];
}

/** A flow that an engine can run. `I` and `O` are the types of its input and output. */
export interface Flow<I = unknown, O = unknown> {
  readonly name: string;
  readonly version: number;
  readonly concurrency: number;
  readonly keyLimit: number | undefined;
  readonly background: boolean;
  /** The concurrency key of an input that `parseInput` took; throws `invalid_request` for a key that is none. */
  keyOf(input: unknown): string | undefined;
  /** Returns the input (an `I`) when it fits the schema; throws `invalid_request` that names the places where it does not. */
  parseInput(value: unknown): unknown;
  parseOutput(value: unknown): O;
  run(step: Step, input: I): Promise<O>;
  /** The facts of an end without its code; the input is one that `parseInput` took. */
  abandoned(run: AbandonedRun<unknown>): readonly Fact[];
}

const namePattern = /^[a-z][a-z0-9._-]{0,63}$/;

/** Turns a flow's source into a flow. Throws when the name or the version can't be used. */
export function defineFlow<I extends TSchema, O extends TSchema>(
  source: FlowSource<I, O>,
): Flow<Static<I>, Static<O>> {
  if (!namePattern.test(source.name)) {
    throw new SignalboxError(
      'config_invalid',
      `Flow name ${JSON.stringify(source.name)} must match ${namePattern.source}.`,
    );
  }
  if (!Number.isSafeInteger(source.version) || source.version < 1) {
    throw new SignalboxError(
      'config_invalid',
      `Flow ${source.name} has version ${source.version}; a version is a whole number from 1.`,
    );
  }
  const { flow: concurrency = defaultConcurrency, key, limit } = concurrencyOf(source);
  return {
    name: source.name,
    version: source.version,
    concurrency,
    keyLimit: limit,
    background: source.background ?? false,
    keyOf: (input) => key && checkKey(source.name, key(input as Static<I>)),
    parseInput: parser(source.input, `input of flow ${source.name}`),
    parseOutput: parser<Static<O>>(source.output, `output of flow ${source.name}`),
    run: (step, input) => source.run(step, input),
    abandoned: (run) => source.abandoned?.(run as AbandonedRun<Static<I>>) ?? [],
  };
}

const defaultConcurrency = 256;
const keyLength = 200;

function concurrencyOf<I extends TSchema>({
  name,
  concurrency,
}: FlowSource<I, TSchema>): Partial<Concurrency<Static<I>>> {
  const limits = typeof concurrency === 'object' ? concurrency : { flow: concurrency ?? defaultConcurrency };
  for (const [what, limit] of Object.entries(limits)) {
    if (what === 'key' || limit === undefined || (Number.isSafeInteger(limit) && Number(limit) >= 1))
      continue;
    throw new SignalboxError(
      'config_invalid',
      `Flow ${name} has the concurrency ${what} ${limit}; a whole number from 1 is expected.`,
    );
  }
  return limits;
}

function checkKey(flow: string, key: unknown): string {
  if (typeof key === 'string' && key.length >= 1 && key.length <= keyLength) return key;
  throw new SignalboxError(
    'invalid_request',
    `The concurrency key of flow ${flow} is ${JSON.stringify(key)?.slice(0, keyLength)} for this input; text of 1 to ${keyLength} characters is expected.`,
  );
}

function parser<T = unknown>(schema: TSchema, what: string): (value: unknown) => T {
  const validator = Compile(schema);
  return (value) => {
    if (validator.Check(value)) return value as T;
    const fields = validator
      .Errors(value)
      .map((error) => ({ path: error.instancePath || '/', message: error.message }));
    const places = fields.map((field) => `${field.path} ${field.message}`).join('; ');
    throw new SignalboxError('invalid_request', `The ${what} does not fit its schema: ${places}.`, {
      fields,
    });
  };
}
