import { createHash } from 'node:crypto';
import { SignalboxError } from '../core/errors.ts';
import { serialize } from '../core/serialize.ts';
import type { Objects } from '../objects/objects.ts';
import { journalLimitBytes, type Run, valueLimitBytes } from './engine.ts';

const marker = '$signalbox:value';

/**
 * What stands in the journal for a value that is too large for it, and in lists and histories, which do not load it. The value is the
 * object `key`, its JSON in UTF-8.
 */
export interface ValueReference {
  readonly [marker]: { readonly key: string; readonly bytes: number; readonly sha256: string };
}

export interface KeptValue {
  /**
   * What to hand on in this process: the value as it comes back from the journal, so that whoever has it now sees what a replay will
   * see; for one that looks like a reference, the reference to it.
   */
  readonly value: unknown;
  /** The JSON for the journal; null for undefined. */
  readonly text: string | null;
  /** What `text` says, when that is not the value itself. */
  readonly reference?: ValueReference;
  /** Makes the value durable; to be waited for before `text` is written. Undefined when there is nothing to do. Rejects with `storage_failed`. */
  readonly store?: () => Promise<void>;
}

/**
 * Keeps values for the journals of runs: small ones in the journal, larger ones as objects below a folder of their run, named by their
 * content, so that keeping a value twice is keeping it once. A value that looks like a reference becomes an object too: what
 * looks like one in a journal is one.
 */
export class Values {
  readonly #objects: Objects | undefined;
  readonly #inlineLimitBytes: number;
  /** What could not be done last, of writing and of reading; each until one of its kind is done. */
  readonly #undone = new Map<'write' | 'read', () => Promise<unknown>>();
  /** Runs of which a value could not be kept since one last was. */
  readonly #runsLeft = new Set<string>();

  /** Without `objects` nothing is larger than the journal takes: `inlineLimitBytes`. */
  constructor(objects?: Objects, inlineLimitBytes = journalLimitBytes) {
    this.#objects = objects;
    this.#inlineLimitBytes = inlineLimitBytes;
  }

  /** Throws `result_not_json` and `payload_over_limit`, which say what it was that is not kept. */
  keep(runId: string, value: unknown, what: string, inlineLimitBytes = this.#inlineLimitBytes): KeptValue {
    const text = serialize(value, what);
    if (text === undefined) return { value, text: null };
    const limit = this.#objects === undefined ? this.#inlineLimitBytes : inlineLimitBytes;
    // UTF-8 takes at most three bytes for a UTF-16 unit: most values need no counting.
    const isSmall = text.length * 3 <= limit || Buffer.byteLength(text) <= limit;
    const looksLikeReference = referenceOf(value) !== undefined;
    if (isSmall && !looksLikeReference) return { value: asKept(value, text), text };
    const kept = this.#keepLarge(runId, Buffer.from(text), what);
    return { ...kept, value: looksLikeReference ? kept.reference : asKept(value, text) };
  }

  #keepLarge(runId: string, body: Buffer, what: string) {
    const limit = this.#objects === undefined ? this.#inlineLimitBytes : valueLimitBytes;
    const bytes = body.length;
    if (bytes > limit || this.#objects === undefined) throw overLimit(what, bytes, limit);
    const sha256 = createHash('sha256').update(body).digest('hex');
    const key = `${valuesFolder}${runId}/${sha256}.json`;
    const objects = this.#objects;
    const put = () => objects.put(key, body, { contentType: 'application/json' });
    const store = () => this.#watched('write', put, runId);
    const reference: ValueReference = { [marker]: { key, bytes, sha256 } };
    return { text: JSON.stringify(reference), reference, store };
  }

  /**
   * The value that a reference stands for. Throws `run_unreadable` when it is not there or not what it was, and what the store of
   * objects throws when that can't be told.
   */
  async load(reference: ValueReference): Promise<unknown> {
    const { key, bytes, sha256 } = reference[marker];
    const body = await this.#watched('read', async () => this.#objects?.get(key));
    if (body === undefined) throw unreadable(key, 'is not there');
    const found = createHash('sha256').update(body).digest('hex');
    if (found !== sha256) throw unreadable(key, `is not the one of ${bytes} bytes that was kept`);
    return JSON.parse(body.toString('utf8'));
  }

  /** Whether the objects are away, as far as was seen: the latest that was to be written or read could not be. */
  get isAway(): boolean {
    return this.#undone.size > 0;
  }

  /** Does again what could not be done last; when that goes well, they are not away any more. Throws what it comes to. */
  tryAgain(): Promise<unknown> {
    const undone = [...this.#undone];
    const again = () => Promise.all(undone.map(([kind, work]) => this.#watched(kind, work)));
    this.#trying ??= again().finally(() => {
      this.#trying = undefined;
    });
    return this.#trying;
  }
  #trying: Promise<unknown> | undefined;

  /**
   * To be waited for before a step is made, by engines that make it again when its result could not be kept. Throws for a run that has come to
   * that while the objects are still away: then the work would be for nothing once more.
   */
  async ready(runId: string): Promise<void> {
    if (this.#runsLeft.has(runId)) await this.tryAgain();
  }

  async #watched<T>(kind: 'write' | 'read', work: () => Promise<T>, runId?: string): Promise<T> {
    try {
      const done = await work();
      this.#undone.delete(kind);
      if (kind === 'write') this.#runsLeft.clear();
      return done;
    } catch (error) {
      this.#undone.set(kind, work);
      if (runId !== undefined) this.#runsLeft.add(runId);
      throw error;
    }
  }

  /** The value itself, whether it is kept in the journal or beside it. */
  async resolve(value: unknown): Promise<unknown> {
    const reference = referenceOf(value);
    return reference === undefined ? value : await this.load(reference);
  }
}

/** Undefined properties are gone, -0 is 0, and nothing is shared with whoever made it. */
function asKept(value: unknown, text: string): unknown {
  const isAsItWas = typeof value === 'string' || typeof value === 'boolean' || value === null;
  return isAsItWas ? value : JSON.parse(text);
}

/** Where the values of all runs are. */
export const valuesFolder = 'values/';

/** The reference that a value from a journal is, if it is one. */
export function referenceOf(value: unknown): ValueReference | undefined {
  if (typeof value !== 'object' || value === null || !(marker in value)) return undefined;
  return value as ValueReference;
}

/** A run with its input and its output as they are, whether they are kept in the journal or beside it. */
export async function wholeRun(values: Values, run: Run): Promise<Run> {
  const [input, output] = await Promise.all([values.resolve(run.input), values.resolve(run.output)]);
  return { ...run, input, ...('output' in run && { output }) };
}

function overLimit(what: string, bytes: number, limit: number): SignalboxError {
  return new SignalboxError(
    'payload_over_limit',
    `The ${what} has ${bytes} bytes as JSON; at most ${limit} are taken. Keep the data elsewhere and pass a reference.`,
    { details: { bytes, limit } },
  );
}

function unreadable(key: string, what: string): SignalboxError {
  return new SignalboxError(
    'run_unreadable',
    `The value ${key} ${what}. Put the object back, from a backup of the objects, and resume the run; or terminate it.`,
  );
}
