import { isUuid, timeOfUuidv7, uuidv7 } from '../../core/ids.ts';
import type { Json } from '../../core/json.ts';
import type { Objects } from '../../objects/objects.ts';
import { countListed } from '../dead-letters.ts';
import {
  type DeadLetterCount,
  type Engine,
  type EngineStats,
  type FlowVersion,
  hasEnded,
  type Operation,
  type Run,
  type RunFilter,
  type RunPage,
  type RunStatus,
  type SignalOptions,
  type SignalOutcome,
  type StampedFact,
  type StartedRun,
  type StartOptions,
} from '../engine.ts';
import type { Flow } from '../flow.ts';
import { FlowRegistry } from '../flow-registry.ts';
import { tallyVersions } from '../flow-versions.ts';
import { change, type Records } from '../records.ts';
import {
  checkRestartable,
  keyReused,
  runCancelled,
  runEnded,
  runTerminated,
  serverStopping,
  unknownRun,
} from '../refusals.ts';
import { factsOfRun } from '../stamped-facts.ts';
import { checkSignal, checkStartOptions } from '../start-options.ts';
import { Values, wholeRun } from '../values.ts';
import { Waiters } from '../waiters.ts';
import type { LambdaApi } from './api.ts';
import { EndsFromOutside } from './ends-from-outside.ts';
import { Executions } from './executions.ts';
import { createForgetRuns } from './forget.ts';
import { operationsOf } from './history.ts';
import { Inbox } from './inbox.ts';
import { KeptFactWriter } from './kept-facts.ts';
import { type KeyRecord, listFor, type RunRequest, recordKeys } from './messages.ts';
import { RunRecords, toRun } from './run-records.ts';
import { inlineLimitBytes, type PreparedRequest, runRequest } from './run-request.ts';

export interface LambdaOptions {
  readonly flows: readonly Flow<never>[];
  readonly api: LambdaApi;
  readonly records: Records;
  /** For values that are too large for AWS. Without it they are refused. */
  readonly objects?: Objects;
  /** Writes facts by their ids: what is there already is left alone. */
  readonly appendFacts: (facts: readonly StampedFact[]) => Promise<void>;
  /** Default: the clock of the machine. */
  readonly now?: () => number;
}

export interface Reconciled {
  /** How many runs were ended. */
  readonly ended: number;
  /** Of runs that could not be looked at. */
  readonly problems: readonly unknown[];
  /** Where the rest begins. */
  readonly next?: string;
}

/**
 * The engine for AWS alone: AWS Lambda keeps journals and timers and calls `Worker`, wherever that runs. This is the side of those
 * who start runs, send signals and look. Starting a run is one durable write there.
 */
export class LambdaEngine implements Engine {
  readonly #flows: FlowRegistry;
  readonly #api: LambdaApi;
  readonly #records: Records;
  readonly #values: Values;
  readonly #runs: RunRecords;
  readonly #executions: Executions;
  readonly #inbox: Inbox;
  readonly #ends: EndsFromOutside;
  readonly #facts: KeptFactWriter;
  readonly #now: () => number;
  readonly #waiters = new Waiters();
  #stopping = false;

  constructor(options: LambdaOptions) {
    this.#now = options.now ?? Date.now;
    this.#flows = new FlowRegistry(options.flows);
    this.#api = options.api;
    this.#records = options.records;
    this.#values = new Values(options.objects, inlineLimitBytes);
    this.#runs = new RunRecords(options.records);
    this.#executions = new Executions(options.api, this.#runs);
    this.#inbox = new Inbox(options.records, options.api, this.#now);
    this.#facts = new KeptFactWriter(this.#values, options.appendFacts);
    this.#ends = new EndsFromOutside({
      ...{ api: options.api, runs: this.#runs, flows: this.#flows, values: this.#values },
      ...{ facts: this.#facts, now: this.#now },
      onEnded: (runId) => this.#waiters.tell(runId),
    });
  }

  /** Lets paused runs try again whose code is there now. */
  async open(): Promise<void> {
    for await (const { runId, flow, version } of this.#runs.paused()) {
      if (this.#flows.find(flow, version) !== undefined) await this.#wake(runId);
    }
  }

  /**
   * Ends runs whose execution AWS has ended without them: stopped in its console, or over its time. One call to AWS for each
   * unfinished run, newest first: so many of them, and where the rest begins. A run that cannot be looked at now is told of and
   * left for the next time; throws when none of them can.
   */
  async reconcile(limit = 500, after?: string): Promise<Reconciled> {
    const { runs, next } = await this.#runs.unfinishedPage(limit, after);
    let ended = 0;
    const problems: unknown[] = [];
    for (const run of runs) {
      const isEnded = await this.#ends.endIfOver(run).catch((error: unknown) => void problems.push(error));
      if (isEnded) ended += 1;
    }
    if (problems.length > 0 && problems.length === runs.length) throw problems[0];
    return { ended, problems, ...(next !== undefined && { next }) };
  }

  /** Looks at once after those that wait for this run. */
  tell(runId: string): void {
    this.#waiters.tell(runId);
  }

  async start<I, O>(flow: Flow<I, O>, input: I, options: StartOptions = {}): Promise<StartedRun> {
    this.#checkAccepting();
    checkStartOptions(options);
    const runId = options.runId ?? uuidv7(this.#now());
    const { request, store } = this.#request(flow, input, runId, options);
    await store?.();
    if (options.idempotency !== undefined)
      return this.#claim(options.idempotency.key, { ...options.idempotency, runId, request });
    return this.#submit(request);
  }

  #request<I, O>(flow: Flow<I, O>, input: I, runId: string, options: StartOptions): PreparedRequest {
    this.#flows.require(flow.name, flow.version);
    const { facts = [], startAt } = options;
    const createdAt = this.#now();
    const stamped = factsOfRun(runId, 'start', facts, createdAt);
    const about = { runId, createdAt, facts: stamped, ...(startAt !== undefined && { startAt }) };
    return runRequest(this.#values, flow as Flow<I>, input, about);
  }

  /** Accepted with the start; what follows may be repeated, and the run does it too, should this process end here. */
  async #submit(request: RunRequest): Promise<StartedRun> {
    const present = await this.#runs.find(request.runId);
    if (present !== undefined) return this.#started(present, false);
    await this.#executions.start(request);
    await this.#facts.write(request.facts);
    return this.#started(request, true);
  }

  /** The key is kept first, with the whole request: whoever repeats it, starts the same run. */
  async #claim(key: string, claim: Omit<KeyRecord, 'key'> & { key?: string }): Promise<StartedRun> {
    const { key: _key, ...record } = claim;
    const holder = await change<KeyRecord>(this.#records, recordKeys.idempotency(key), (present) =>
      present === undefined || present.expiresAt <= this.#now()
        ? { value: record, dueAt: record.expiresAt, list: listFor(record.runId) }
        : undefined,
    );
    const { runId, request, fingerprint } = holder!;
    if (fingerprint !== record.fingerprint) throw keyReused(key);
    const created = runId === record.runId;
    if (created || (await this.#runs.find(runId)) === undefined) await this.#executions.start(request);
    await this.#facts.write(request.facts);
    return this.#started(request, created);
  }

  async #started(
    { runId, input }: { readonly runId: string; readonly input?: unknown },
    created: boolean,
  ): Promise<StartedRun> {
    return { runId, created, input: await this.#values.resolve(input) };
  }

  async signal(
    runId: string,
    name: string,
    payload: Json,
    options: SignalOptions = {},
  ): Promise<SignalOutcome> {
    checkSignal(name, options);
    const kept = this.#values.keep(runId, payload, `payload of signal "${name}"`);
    if (!isUuid(runId)) throw unknownRun(runId);
    const record = await this.#runs.find(runId);
    if (record !== undefined && hasEnded(record.status)) {
      if (options.key !== undefined && (await this.#inbox.knows(runId, name, options.key)))
        return 'duplicate';
      throw runEnded(runId, record.status);
    }
    await kept.store?.();
    const signal = { runId, name, payload: (kept.reference as Json | undefined) ?? payload ?? null };
    return this.#inbox.send(signal, options, (...wait) => this.#timedOut(...wait));
  }

  async #timedOut(runId: string, name: string, occurrence: number): Promise<boolean> {
    const waits = (await this.history(runId)).filter((wait) => wait.kind === 'signal' && wait.name === name);
    const result = waits[occurrence - 1]?.result as { timedOut?: boolean } | undefined;
    return result?.timedOut ?? true;
  }

  async cancel(runId: string, reason = 'no reason given'): Promise<RunStatus> {
    const error = runCancelled(reason);
    const unbegun = await this.#ends.cancelUnbegun(runId, error);
    if (hasEnded(unbegun.status)) return unbegun.status;
    // One that waits for its time has its callback already and has done nothing.
    if (unbegun.status === 'queued') return this.#ends.terminate(runId, error);
    return (await this.#executions.cancel(runId, reason)).status;
  }

  async terminate(runId: string, reason = 'no reason given'): Promise<RunStatus> {
    return this.#ends.terminate(runId, runTerminated(reason));
  }

  async resume(runId: string): Promise<RunStatus> {
    const { flow, version } = await this.#runs.require(runId);
    this.#flows.require(flow, version);
    await this.#wake(runId);
    return (await this.#runs.require(runId)).status;
  }

  async #wake(runId: string): Promise<void> {
    const record = await this.#runs.change(runId, ({ status }) =>
      status === 'paused' ? { status: 'running', error: undefined } : undefined,
    );
    if (hasEnded(record.status)) return;
    await this.#executions.passOnCancel(record);
    if (record.pauseCallback !== undefined) await this.#api.completeCallback(record.pauseCallback, 'null');
  }

  async restart(runId: string): Promise<StartedRun> {
    this.#checkAccepting();
    const { status, flow, version, input: kept } = await this.#runs.require(runId);
    checkRestartable(runId, status);
    const mine = uuidv7(this.#now());
    const again = await this.#runs.restarted(runId, mine);
    // The same for whoever starts it: AWS refuses the same name with another request.
    const about = { runId: again, createdAt: timeOfUuidv7(again), facts: [], restartOf: runId };
    const input = await this.#values.resolve(kept);
    // Perhaps an earlier request noted the new run and did not come to start it.
    if ((await this.#runs.find(again)) === undefined) {
      const { request, store } = runRequest(this.#values, this.#flows.require(flow, version), input, about);
      await store?.();
      await this.#executions.start(request);
    }
    return { runId: again, created: again === mine, input };
  }

  async get(runId: string): Promise<Run | undefined> {
    const record = await this.#runs.find(runId);
    return record && wholeRun(this.#values, toRun(record));
  }

  forgetRuns(runIds: readonly string[]): Promise<void> {
    return createForgetRuns(this.#records)(runIds);
  }

  /** Those of them that are kept, and those for which something is: a signal, or a key, that came before them. */
  async knownRuns(runIds: readonly string[]): Promise<ReadonlySet<string>> {
    const found = await Promise.all(
      runIds.map(async (runId) => ((await this.#isKnown(runId)) ? [runId] : [])),
    );
    return new Set(found.flat());
  }

  async #isKnown(runId: string): Promise<boolean> {
    if ((await this.#runs.find(runId)) !== undefined) return true;
    return (await this.#records.list(listFor(runId), 1)).length > 0;
  }

  deadLetters(): Promise<readonly DeadLetterCount[]> {
    return countListed(this);
  }

  list(filter: RunFilter = {}): Promise<RunPage> {
    return this.#runs.list(filter);
  }

  async history(runId: string): Promise<readonly Operation[]> {
    const { arn } = await this.#runs.require(runId);
    if (arn === undefined) return [];
    return operationsOf(await this.#api.history(arn));
  }

  async wait(runId: string, options: { readonly signal?: AbortSignal } = {}): Promise<Run> {
    const run = await this.#waiters.wait(runId, () => this.#whenSettled(runId), options.signal);
    return wholeRun(this.#values, run);
  }

  async #whenSettled(runId: string): Promise<Run | undefined> {
    const record = await this.#runs.require(runId);
    return hasEnded(record.status) || record.status === 'paused' ? toRun(record) : undefined;
  }

  /** Runs execute elsewhere, each in a process of its own. */
  stats(): EngineStats {
    return { queued: 0, inBackground: 0, running: 0, resident: 0 };
  }

  async versions(): Promise<readonly FlowVersion[]> {
    return tallyVersions(this.#flows, await this.#runs.unfinished());
  }

  async stop(_graceMs: number): Promise<void> {
    this.#stopping = true;
    this.#waiters.stop();
  }

  #checkAccepting(): void {
    if (this.#stopping) throw serverStopping();
  }
}
