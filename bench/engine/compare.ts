import { best, rounds } from '../rounds.ts';
import type { Contender, ContenderSource } from './contender.ts';
import { dbos } from './dbos.ts';
import { embedded } from './embedded.ts';
import type { LoopResult } from './loop.ts';
import { restateByRequest, restateByStream } from './restate.ts';

export interface Measured {
  readonly at64: LoopResult;
  readonly at256: LoopResult;
  readonly alone: LoopResult;
}

export interface ContenderResult {
  readonly name: string;
  readonly durability: string;
  /** Absent when it could not be measured. */
  readonly measured?: Measured;
  readonly failure?: string;
}

/** Five-step runs on each engine, in alternating rounds. A peer that cannot be started does not stop the rest. */
export async function compareEngines(durationMs: number): Promise<ContenderResult[]> {
  const entries: Entry[] = [];
  for (const source of [embedded, restateByRequest, restateByStream, dbos]) {
    entries.push({ source, rounds: [], ...(await attempt(() => source.start())) });
  }
  for (let round = 0; round < rounds; round++) {
    for (const entry of entries) await measure(entry, durationMs);
  }
  for (const { result } of entries) await result?.stop();
  return entries.map(resultOf);
}

interface Entry {
  readonly source: ContenderSource;
  readonly rounds: Measured[];
  readonly result?: Contender;
  failure?: string;
}

async function attempt<R>(work: () => Promise<R>): Promise<{ result: R } | { failure: string }> {
  try {
    return { result: await work() };
  } catch (error) {
    return { failure: (error as Error).message.split('\n')[0]! };
  }
}

async function measure(entry: Entry, durationMs: number): Promise<void> {
  const contender = entry.result;
  if (contender === undefined || entry.failure !== undefined) return;
  const warmUpMs = 1_000;
  const outcome = await attempt(async () => ({
    alone: await contender.measure({ atOnce: 1, warmUpMs: 300, durationMs: 1_000 }),
    at64: await contender.measure({ atOnce: 64, warmUpMs, durationMs }),
    at256: await contender.measure({ atOnce: 256, warmUpMs, durationMs }),
  }));
  if ('failure' in outcome) entry.failure = outcome.failure;
  else entry.rounds.push(outcome.result);
}

function resultOf({ source: { name, durability }, rounds: of, failure }: Entry): ContenderResult {
  if (of.length === 0) return { name, durability, failure: failure ?? 'no round was completed' };
  const bestOf = (level: keyof Measured) => best(of.map((round) => round[level]));
  const measured = { at64: bestOf('at64'), at256: bestOf('at256'), alone: bestOf('alone') };
  return { name, durability, measured };
}
