import type { LoopResult } from '../engine/loop.ts';
import { startRestate } from '../engine/restate-server.ts';
import { runJob } from '../process/job.ts';
import { best, rounds } from '../rounds.ts';

export const partyNames = ['bare', 'ours', 'bare, until its answer', 'ours, until its answer'] as const;
export type Party = (typeof partyNames)[number];

export interface PriceJob {
  readonly party: Party;
  readonly ingress: number;
  readonly admin: number;
  readonly durationMs: number;
}

export interface PriceRound {
  readonly alone: LoopResult;
  readonly at64: LoopResult;
}

export interface PriceResult extends PriceRound {
  readonly party: Party;
}

/** Five-step runs on Restate's SDK alone and on our engine, each a server of its own, in alternating rounds. */
export async function measurePrice(durationMs: number): Promise<PriceResult[]> {
  const measured = new Map<Party, PriceRound[]>(partyNames.map((party) => [party, []]));
  for (let round = 0; round < rounds; round++) {
    for (const party of partyNames) measured.get(party)!.push(await measure(party, durationMs));
  }
  return [...measured].map(([party, of]) => ({
    party,
    alone: best(of.map(({ alone }) => alone)),
    at64: best(of.map(({ at64 }) => at64)),
  }));
}

async function measure(party: Party, durationMs: number): Promise<PriceRound> {
  const { ingress, admin, stop } = await startRestate();
  try {
    const module = new URL('price-job.ts', import.meta.url);
    return await runJob<PriceJob, PriceRound>(module, { party, ingress, admin, durationMs });
  } finally {
    await stop();
  }
}
