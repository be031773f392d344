import { parseArgs } from 'node:util';

const always = ['accept', 'engine', 'conversations', 'timers', 'scale'] as const;
/** Measured when named: they take minutes. */
const whenNamed = ['cluster', 'waiting'] as const;
const parts = [...always, ...whenNamed];
export type Part = (typeof parts)[number];

export interface Options {
  readonly only: readonly Part[];
  /** How long each of the three rounds of a measurement lasts, its warm-up not counted. */
  readonly seconds: number;
  readonly json: boolean;
}

export const usage = `npm run bench -- [--only ${parts.join(',')}] [--seconds 3] [--json]`;

/** Throws an error that says what was expected. */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: { only: { type: 'string' }, seconds: { type: 'string' }, json: { type: 'boolean' } },
  });
  const only = values.only?.split(',') ?? always;
  const unknown = only.find((part) => !parts.includes(part as Part));
  if (unknown !== undefined) throw new Error(`--only is "${unknown}". Expected any of ${parts.join(', ')}.`);
  const seconds = Number(values.seconds ?? 3);
  if (!(seconds >= 1 && seconds <= 60)) throw new Error(`--seconds is ${values.seconds}. Expected 1 to 60.`);
  return { only: only as Part[], seconds, json: values.json ?? false };
}
