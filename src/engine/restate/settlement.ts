import type { Run } from '../engine.ts';

export interface RunLooks {
  /** Whether this process has seen the run, which then is there. */
  knows(runId: string): boolean;
  /** Asks the ingress, which costs little. */
  hasEnded(runId: string): Promise<boolean>;
  /** Asks the introspection, which is SQL: the run once it has ended or is paused. Throws `unknown_run`. */
  whenSettled(runId: string): Promise<Run | undefined>;
}

/** How seldom a run that has not ended is looked at to see whether it is paused. */
const thoroughEveryMs = 500;

/** A look at a run for whoever waits for it and looks again and again. */
export function settlementOf(runId: string, looks: RunLooks): () => Promise<Run | undefined> {
  let thoroughAt = looks.knows(runId) ? performance.now() : Number.NEGATIVE_INFINITY;
  return async () => {
    const isThorough = performance.now() - thoroughAt >= thoroughEveryMs;
    if (!isThorough && !(await looks.hasEnded(runId))) return undefined;
    thoroughAt = performance.now();
    return looks.whenSettled(runId);
  };
}
