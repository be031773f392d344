import { describe, type TestContext, test } from 'node:test';
import type { Flow } from '../flow.ts';
import { cancelCases } from './cancelling.ts';
import { childCases } from './children.ts';
import { forgettingCases } from './forgetting.ts';
import type { EngineHarness, EngineUnderTest } from './harness.ts';
import { orderCases } from './order.ts';
import { programCases } from './programs.ts';
import { refusalCases } from './refusals.ts';
import { replayCases } from './replay.ts';
import { retryCases } from './retries.ts';
import { runCases } from './runs.ts';
import { signalCases } from './signals.ts';
import { sizeCases } from './sizes.ts';
import { startCases } from './starts.ts';
import { stepCases } from './steps.ts';
import { timerCases } from './timers.ts';
import { versionCases } from './versions.ts';
import { waitCases } from './waits.ts';

/** One promise of the engine port, stated as a test. */
export type Case = (
  open: (flows: readonly Flow<never>[]) => Promise<EngineUnderTest>,
  test: TestContext,
) => Promise<void>;

/** Runs every case of the engine port over one engine. */
export function engineContract(engineName: string, harness: EngineHarness): void {
  describe(`engine contract: ${engineName}`, () => {
    for (const [title, contractCase] of Object.entries({
      ...stepCases,
      ...waitCases,
      ...runCases,
      ...versionCases,
      ...orderCases,
      ...replayCases,
      ...retryCases,
      ...timerCases,
      ...signalCases,
      ...cancelCases,
      ...childCases,
      ...sizeCases,
      ...startCases,
      ...refusalCases,
      ...programCases,
      ...forgettingCases,
    })) {
      const skip = harness.skip?.[title] ?? false;
      test(title, { skip, timeout: 60_000 }, (context) =>
        contractCase((flows) => harness.open(context, flows), context),
      );
    }
  });
}
