import type { TestContext } from 'node:test';
import Type from 'typebox';
import type { Objects } from '../../objects/objects.ts';
import type { Engine, Run, StampedFact, Step } from '../engine.ts';
import { defineFlow, type Flow } from '../flow.ts';
import type { ForgetRuns } from '../forget.ts';

/** What a case needs of an engine under test. */
export interface EngineHarness {
  /** An engine over storage of its own that lives as long as the harness; the test's end takes it away. */
  open(test: TestContext, flows: readonly Flow<never>[]): Promise<EngineUnderTest>;
  /** Cases that the engine can't do, by title, each with the reason. */
  readonly skip?: Readonly<Record<string, string>>;
}

type TestedEngine = Engine & { readonly forgetRuns: ForgetRuns };

export interface EngineUnderTest {
  readonly engine: TestedEngine;
  /** The facts that are durable, in order. */
  facts(): Promise<readonly StampedFact[]>;
  /** Ends the process that executes, as far as the harness can, and begins another over the same storage. */
  restart(flows?: readonly Flow<never>[]): Promise<TestedEngine>;
  /** Where the engine keeps large values. */
  readonly objects: Objects;
  /** Moves the clock of the engine; undefined where that can't be done. */
  readonly moveClock?: (byMs: number) => void;
}

/** A flow whose input and output are any JSON. */
export function flowOf(
  name: string,
  run: (step: Step, input: unknown) => Promise<unknown>,
  version = 1,
  concurrency = 100,
): Flow<unknown, unknown> {
  return defineFlow({ name, version, concurrency, input: Type.Unknown(), output: Type.Unknown(), run });
}

/** Starts a run and waits for its end. */
export async function runToEnd(engine: Engine, flow: Flow<unknown>, input: unknown = {}): Promise<Run> {
  const { runId } = await engine.start(flow, input);
  return engine.wait(runId);
}

/** Resolves once `condition` holds; fails after ten seconds. */
export async function eventually(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const until = Date.now() + 10_000;
  while (!(await condition())) {
    if (Date.now() > until) throw new Error(`Not within ten seconds: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Resolves once the run has come to that status. */
export function untilStatus(engine: Engine, runId: string, status: Run['status']): Promise<void> {
  return eventually(`run ${runId} is ${status}`, async () => (await engine.get(runId))?.status === status);
}
