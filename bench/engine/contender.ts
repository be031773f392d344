import type { LoopJob, LoopResult } from './loop.ts';

/** Something that runs durable flows, started and ready. */
export interface Contender {
  /** Keeps so many five-step runs going at once. */
  measure(job: LoopJob): Promise<LoopResult>;
  stop(): Promise<void>;
}

export interface ContenderSource {
  readonly name: string;
  /** What is on disk when a step counts as done. */
  readonly durability: string;
  start(): Promise<Contender>;
}
