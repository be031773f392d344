import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import Type from 'typebox';
import { isUuid } from '../../core/ids.ts';
import type { Engine, Step, StepContext } from '../engine.ts';
import { defineFlow, type Flow } from '../flow.ts';
import type { Case } from './contract.ts';
import { seededRandom } from './random.ts';

/**
 * Random programs: a flow that does what its input says, inputs that are made of every kind of operation in any order and
 * nesting, and what must come out. Signals are sent for every wait of a program at any time, before its start included.
 */
export type Program = readonly Instruction[];

type Instruction =
  /** Fails `failures` times, then gives the value. */
  | { readonly kind: 'step'; readonly name: string; readonly failures: number; readonly value: number }
  /** Fails for good. */
  | { readonly kind: 'failing step'; readonly name: string }
  | { readonly kind: 'sleep'; readonly name: string; readonly ms: number }
  /** Waits on the name so many times, one after the other. */
  | { readonly kind: 'signals'; readonly name: string; readonly count: number }
  /** A wait on a signal that nobody sends. */
  | { readonly kind: 'timeout'; readonly name: string; readonly ms: number }
  | { readonly kind: 'call'; readonly name: string; readonly program: Program }
  | { readonly kind: 'start'; readonly name: string; readonly program: Program }
  | { readonly kind: 'all'; readonly branches: readonly Program[] }
  /** The others go on beside what comes after it. */
  | { readonly kind: 'race'; readonly branches: readonly Program[] }
  | { readonly kind: 'patch'; readonly name: string }
  | { readonly kind: 'values' };

/** A side effect on the world, for who looks at keys and repetitions; what it returns is called once the flow knows of the step's end. */
export type Effect = (context: StepContext) => () => void;

/** Flows that run programs. Children of a program are of a flow of their own, which calls no others. */
export function programFlows(effect: Effect = () => () => {}): {
  program: Flow<Program, unknown>;
  flows: Flow<never>[];
} {
  const part = flowOfPrograms('program-part', effect);
  const program = flowOfPrograms('program', effect, part);
  return { program, flows: [program, part] };
}

function flowOfPrograms(
  name: string,
  effect: Effect,
  child?: Flow<Program, unknown>,
): Flow<Program, unknown> {
  const input = Type.Unsafe<Program>(Type.Array(Type.Unknown()));
  const run = (step: Step, program: Program) => perform({ step, effect, ...(child && { child }) }, program);
  return defineFlow({ name, version: 1, concurrency: 100, input, output: Type.Unknown(), run });
}

interface Performance {
  readonly step: Step;
  readonly effect: Effect;
  readonly child?: Flow<Program, unknown>;
}

async function perform(on: Performance, program: Program): Promise<unknown[]> {
  const results: unknown[] = [];
  for (const instruction of program) results.push(await performOne(on, instruction));
  return results;
}

async function performOne(on: Performance, does: Instruction): Promise<unknown> {
  const { step } = on;
  switch (does.kind) {
    case 'step':
      return failingStep(on, does.name, does.failures, does.value);
    case 'failing step':
      return failingStep(on, does.name, 2, 0).catch((error: Error) => error.message);
    case 'sleep':
      return step.sleep(does.name, does.ms).then(() => 'slept');
    case 'signals': {
      const payloads: unknown[] = [];
      while (payloads.length < does.count) payloads.push((await step.waitForSignal(does.name)).payload);
      return payloads;
    }
    case 'timeout':
      return (await step.waitForSignal(does.name, { timeoutMs: does.ms })).timedOut;
    case 'call':
      return step.call(does.name, on.child!, does.program);
    case 'start':
      return step.start(does.name, on.child!, does.program);
    case 'all':
      return Promise.all(does.branches.map((branch) => perform(on, branch)));
    case 'race':
      return Promise.race(does.branches.map((branch) => perform(on, branch)));
    case 'patch':
      return step.patched(does.name);
    case 'values':
      return [step.now(), step.random(), step.uuid()];
  }
}

/** At most one failure more than the policy allows, so that two failures are the end. */
async function failingStep({ step, effect }: Performance, name: string, failures: number, value: number) {
  let told: (() => void) | undefined;
  const work = (context: StepContext) => {
    told = effect(context);
    if (context.attempt <= failures) throw new Error(`${name} failed`);
    return value;
  };
  try {
    return await step.run(name, work, { retry: { maxAttempts: 2, delaysMs: [3] } });
  } finally {
    told?.();
  }
}

/** Whether a program may have come to that. */
export function isOutputOf(program: Program, output: unknown): boolean {
  if (!Array.isArray(output) || output.length !== program.length) return false;
  return program.every((instruction, index) => isResultOf(instruction, output[index]));
}

function isResultOf(does: Instruction, result: unknown): boolean {
  switch (does.kind) {
    case 'step':
      return result === does.value;
    case 'failing step':
      return String(result).includes(`${does.name} failed`);
    case 'sleep':
      return result === 'slept';
    case 'signals':
      return isDeepStrictEqual(result, payloadsOf(does));
    case 'timeout':
    case 'patch':
      return result === true;
    case 'call':
      return isOutputOf(does.program, result);
    case 'start':
      return isUuid(String(result));
    case 'all':
      return does.branches.every((branch, index) => isOutputOf(branch, (result as unknown[])?.[index]));
    case 'race':
      return does.branches.some((branch) => isOutputOf(branch, result));
    case 'values': {
      const [now, random, uuid] = Array.isArray(result) ? result : [];
      return now > 1.5e12 && random >= 0 && random < 1 && isUuid(uuid);
    }
  }
}

const payloadsOf = ({ name, count }: { name: string; count: number }) =>
  Array.from({ length: count }, (_, index) => `${name} ${index + 1}`);

export interface SignalToSend {
  readonly name: string;
  readonly occurrence: number;
  readonly payload: string;
}

/** Every signal that a program waits for, in the order in which those with one name have to be sent. */
function signalsOf(program: Program): SignalToSend[] {
  return program.flatMap((does) => {
    if (does.kind === 'all' || does.kind === 'race') return does.branches.flatMap(signalsOf);
    if (does.kind !== 'signals') return [];
    const { name } = does;
    return payloadsOf(does).map((payload, index) => ({ name, occurrence: index + 1, payload }));
  });
}

/** A program of that many instructions, those of branches and children not counted. */
export function randomProgram(random: () => number, length: number): Program {
  let names = 0;
  const upTo = (limit: number) => Math.floor(random() * limit);
  const name = () => `${['a', 'b', 'c'][upTo(3)]}${names++}`;
  const several = (count: number, isChild: boolean, depth: number): Program =>
    Array.from({ length: count }, () => one(isChild, depth));
  const branches = (isChild: boolean, depth: number) =>
    Array.from({ length: 2 + upTo(2) }, () => several(1 + upTo(2), isChild, depth + 1));
  const simple = (): Instruction[] => [
    { kind: 'step', name: name(), failures: upTo(2), value: upTo(100) },
    { kind: 'step', name: name(), failures: 0, value: upTo(100) },
    { kind: 'failing step', name: name() },
    { kind: 'sleep', name: name(), ms: upTo(20) },
    { kind: 'timeout', name: name(), ms: upTo(10) },
    { kind: 'patch', name: name() },
    { kind: 'values' },
  ];
  const one = (isChild: boolean, depth: number): Instruction => {
    const choices = simple();
    // Signals go to the run itself; a child has an id that the sender does not know.
    if (!isChild) {
      choices.push({ kind: 'signals', name: name(), count: 1 + upTo(3) });
      if (random() < 0.5)
        choices.push({ kind: 'call', name: name(), program: several(1 + upTo(3), true, 1) });
      else choices.push({ kind: 'start', name: name(), program: several(1 + upTo(3), true, 1) });
    }
    if (depth < 2 && random() < 0.3) {
      choices.push({ kind: 'all', branches: branches(isChild, depth) });
      choices.push({ kind: 'race', branches: branches(isChild, depth) });
    }
    return choices[upTo(choices.length)]!;
  };
  return several(length, false, 0);
}

/** Sends what a program waits for; what the run does not wait for any more is nobody's. */
export async function sendSignals(engine: Engine, runId: string, program: Program): Promise<void> {
  for (const { name, occurrence, payload } of signalsOf(program)) {
    await engine.signal(runId, name, payload, { occurrence }).catch((error: { code?: string }) => {
      if (error.code !== 'run_ended') throw error;
    });
  }
}

export const programCases: Record<string, Case> = {
  'random programs come to what they say, with two restarts in the middle': async (open, test) => {
    const seed = 20_261_121;
    test.diagnostic(`seed ${seed}`);
    const random = seededRandom(seed);
    const { program: flow, flows } = programFlows();
    const under = await open(flows);
    const programs = Array.from({ length: 12 }, () => randomProgram(random, 6));
    const started = await Promise.all(programs.map((program) => under.engine.start(flow, program)));
    let engine = await under.restart();
    const half = programs.length / 2;
    const send = (from: number, to: number) =>
      Promise.all(
        programs
          .slice(from, to)
          .map((program, index) => sendSignals(engine, started[from + index]!.runId, program)),
      );
    await send(0, half);
    engine = await under.restart();
    await send(half, programs.length);
    for (const [index, { runId }] of started.entries()) {
      const { status, output, error } = await engine.wait(runId);
      assert.equal(status, 'succeeded', `${error?.message} of ${JSON.stringify(programs[index])}`);
      const text = `${JSON.stringify(output)} of ${JSON.stringify(programs[index])}`;
      assert.ok(isOutputOf(programs[index]!, output), text);
    }
  },
};
