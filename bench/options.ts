import { parseArgs } from 'node:util';

const always = ['accept', 'engine', 'conversations', 'timers', 'scale'] as const;
/** Measured when named: they take minutes. */
const whenNamed = ['cluster', 'waiting', 'record', 'record-postgres'] as const;
const parts = [...always, ...whenNamed];
export type Part = (typeof parts)[number];

export interface Options {
  readonly only: readonly Part[];
  /** How long each of the three rounds of a measurement lasts, its warm-up not counted. */
  readonly seconds: number;
  readonly json: boolean;
  /** Of the record: how many, and a folder that is kept with them and used again. */
  readonly conversations: number;
  readonly folder: string | undefined;
}

export const usage = `npm run bench -- [--only ${parts.join(',')}] [--seconds 3] [--json] [--conversations 1000000] [--folder PATH]`;

/** Throws an error that says what was expected. */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...{ only: { type: 'string' }, seconds: { type: 'string' }, json: { type: 'boolean' } },
      ...{ conversations: { type: 'string' }, folder: { type: 'string' } },
    },
  });
  const only = values.only?.split(',') ?? always;
  const unknown = only.find((part) => !parts.includes(part as Part));
  if (unknown !== undefined) throw new Error(`--only is "${unknown}". Expected any of ${parts.join(', ')}.`);
  const seconds = Number(values.seconds ?? 3);
  if (!(seconds >= 1 && seconds <= 60)) throw new Error(`--seconds is ${values.seconds}. Expected 1 to 60.`);
  const conversations = Number(values.conversations ?? 1_000_000);
  if (!(conversations >= 1_000)) {
    throw new Error(`--conversations is ${values.conversations}. Expected 1000 or more.`);
  }
  const { folder, json = false } = values;
  return { only: only as Part[], seconds, json, conversations, folder };
}
