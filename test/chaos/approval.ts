import Type from 'typebox';
import { defineFlow } from '../../src/engine/flow.ts';

/** Signalbox of the storm beside the product's own: its runs are of another namespace. */
export const namespace = 'storm';

export interface Decision {
  /** Of one person's decision, however often it is sent. */
  readonly id: string;
  readonly approved: boolean;
}

/** What makes the effect that was approved: resolves once it is known to be done. */
export type Execute = (runId: string, idempotencyKey: string) => Promise<void>;

/** An action that waits for a person and is then executed, as approvals are: the first decision counts. */
export const approvalFlow = (execute: Execute) =>
  defineFlow({
    name: 'approval',
    version: 1,
    input: Type.Null(),
    output: Type.Object({ decision: Type.String() }),
    async run(step) {
      await step.run('ask', () => 'asked');
      const { payload } = await step.waitForSignal<Decision>('approval');
      if (payload!.approved) {
        const retry = { maxAttempts: 1_000, delaysMs: [200] };
        await step.run('execute', ({ idempotencyKey }) => execute(step.runId, idempotencyKey), { retry });
      }
      return { decision: payload!.id };
    },
  });
