import { SignalboxError } from '../core/errors.ts';
import type { Fact, SignalResult, Step, StepContext } from '../engine/engine.ts';
import type { Flow } from '../engine/flow.ts';

/** Whose work it was. */
export interface Watched {
  readonly flow: string;
  readonly runId: string;
  readonly input: unknown;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly endedAt: number;
}

/** An attempt of a step that was made in this process. */
export interface WatchedAttempt extends Watched {
  readonly step: string;
  /** The idempotency key of the step. */
  readonly key: string;
  readonly attempt: number;
  readonly facts: readonly Fact[];
  /** Absent when it failed. */
  readonly result?: unknown;
  readonly error?: unknown;
}

export interface WatchedWait extends Watched {
  readonly kind: 'sleep' | 'signal' | 'call';
  readonly name: string;
  /** Which one of this kind and name it was, from 1. */
  readonly occurrence: number;
  /** Of a wait for a signal. Absent when it was cut off. */
  readonly outcome?: 'signalled' | 'timed_out';
}

export interface WatchedRun extends Watched {
  readonly error?: unknown;
}

/** Told of what runs do, on every engine. It must not throw. */
export interface FlowWatcher {
  /** When its work is over, just before the outcome is durable. */
  attempted(attempt: WatchedAttempt): void;
  /** When the run goes on after a wait. */
  waited(wait: WatchedWait): void;
  ended(run: WatchedRun): void;
}

/**
 * A flow whose runs are watched. What a replay only repeats is not told again: a step tells of itself when its work is done
 * here, a wait when something new is done after it. After a crash something may be told once more, under the same names.
 */
export function watchedFlow<I, O>(flow: Flow<I, O>, watchers: readonly FlowWatcher[]): Flow<I, O> {
  return {
    ...flow,
    async run(step, input) {
      const about = { flow: flow.name, runId: step.runId, input };
      const watch = new RunWatch(step, about, watchers);
      const startedAt = step.now();
      try {
        const output = await flow.run(watch.step(), input);
        watch.ended({ startedAt, endedAt: step.now() });
        return output;
      } catch (error) {
        watch.ended({ startedAt, endedAt: step.now(), error });
        throw error;
      }
    },
  };
}

type About = Pick<Watched, 'flow' | 'runId' | 'input'>;

class RunWatch {
  readonly #step: Step;
  readonly #about: About;
  readonly #watchers: readonly FlowWatcher[];
  readonly #occurrences = new Map<string, number>();
  /** Waits that are over, and after which nothing new was done yet. */
  #waits: WatchedWait[] = [];

  constructor(step: Step, about: About, watchers: readonly FlowWatcher[]) {
    this.#step = step;
    this.#about = about;
    this.#watchers = watchers;
  }

  step(): Step {
    const step = this.#step;
    return {
      runId: step.runId,
      run: (name, work, options) => this.#run(name, work, (own) => step.run(name, own, options)),
      sleep: (name, durationMs) => this.#wait('sleep', name, () => step.sleep(name, durationMs)),
      waitForSignal: (name, options) => this.#wait('signal', name, () => step.waitForSignal(name, options)),
      call: (name, flow, input, options) =>
        this.#wait('call', name, () => step.call(name, flow, input, options)),
      start: (name, flow, input, options) => step.start(name, flow, input, options),
      patched: (name) => step.patched(name),
      now: () => step.now(),
      random: () => step.random(),
      uuid: () => step.uuid(),
    };
  }

  ended(end: Pick<WatchedRun, 'startedAt' | 'endedAt' | 'error'>): void {
    this.#tellWaits();
    for (const watcher of this.#watchers) watcher.ended({ ...this.#about, ...end });
  }

  #run<T>(
    name: string,
    work: (context: StepContext) => T | Promise<T>,
    run: (work: (context: StepContext) => Promise<T>) => Promise<T>,
  ): Promise<T> {
    let isReplayed = true;
    const outcome = run(async (context) => {
      isReplayed = false;
      this.#tellWaits();
      const attempt = new AttemptWatch(name, context, this.#about);
      try {
        const result = await work(attempt.context);
        this.#tell(attempt.ended({ result }));
        return result;
      } catch (error) {
        if (!isHandedOver(context.signal)) this.#tell(attempt.ended({ error }));
        throw error;
      }
    });
    const settled = () => {
      if (isReplayed) this.#waits = [];
    };
    outcome.then(settled, settled);
    return outcome;
  }

  #wait<T>(kind: WatchedWait['kind'], name: string, wait: () => Promise<T>): Promise<T> {
    const startedAt = this.#step.now();
    const key = `${kind}/${name}`;
    const occurrence = (this.#occurrences.get(key) ?? 0) + 1;
    this.#occurrences.set(key, occurrence);
    const outcome = wait();
    const over = (how: Pick<WatchedWait, 'outcome'>) => {
      const times = { startedAt, endedAt: this.#step.now() };
      this.#waits.push({ ...this.#about, kind, name, occurrence, ...times, ...how });
    };
    outcome.then(
      (result) => over(kind === 'signal' ? { outcome: signalOutcome(result) } : {}),
      () => over({}),
    );
    return outcome;
  }

  #tell(attempt: WatchedAttempt): void {
    for (const watcher of this.#watchers) watcher.attempted(attempt);
  }

  #tellWaits(): void {
    for (const wait of this.#waits.splice(0)) for (const watcher of this.#watchers) watcher.waited(wait);
  }
}

class AttemptWatch {
  readonly context: StepContext;
  readonly #name: string;
  readonly #about: About;
  readonly #facts: Fact[] = [];
  readonly #startedAt = Date.now();

  constructor(name: string, context: StepContext, about: About) {
    this.#name = name;
    this.#about = about;
    const { idempotencyKey, attempt, signal } = context;
    const record = (fact: Fact) => {
      context.record(fact);
      this.#facts.push(fact);
    };
    this.context = { idempotencyKey, attempt, signal, record };
  }

  ended(outcome: Pick<WatchedAttempt, 'result' | 'error'>): WatchedAttempt {
    const { idempotencyKey: key, attempt } = this.context;
    const times = { startedAt: this.#startedAt, endedAt: Date.now() };
    return { ...this.#about, step: this.#name, key, attempt, ...times, facts: this.#facts, ...outcome };
  }
}

const signalOutcome = (result: unknown) =>
  (result as SignalResult<unknown>).timedOut ? 'timed_out' : 'signalled';

/** The process stops: the attempt is made again elsewhere, and has not failed. */
const isHandedOver = ({ aborted, reason }: AbortSignal): boolean =>
  aborted && reason instanceof SignalboxError && reason.code === 'shutting_down';
