import { messageOf, SignalboxError } from '../../core/errors.ts';
import { isUuid, uuidv7 } from '../../core/ids.ts';
import type { Json } from '../../core/json.ts';
import type { Objects } from '../../objects/objects.ts';
import { countListed } from '../dead-letters.ts';
import type {
  DeadLetterCount,
  Engine,
  EngineStats,
  FlowVersion,
  Operation,
  Run,
  RunFilter,
  RunPage,
  RunStatus,
  SignalOptions,
  SignalOutcome,
  StampedFact,
  StartedRun,
  StartOptions,
} from '../engine.ts';
import { hasEnded } from '../engine.ts';
import { FactWriter } from '../fact-writer.ts';
import type { Flow } from '../flow.ts';
import { FlowRegistry } from '../flow-registry.ts';
import { tallyVersions } from '../flow-versions.ts';
import type { EngineObserver } from '../observer.ts';
import {
  checkRestartable,
  keyReused,
  runCancelled,
  runEnded,
  serverStopping,
  unknownRun,
} from '../refusals.ts';
import { factsOfRun } from '../stamped-facts.ts';
import { checkSignal, checkStartOptions } from '../start-options.ts';
import { Values, wholeRun } from '../values.ts';
import { Waiters } from '../waiters.ts';
import { Admin } from './admin.ts';
import { EndsFromOutside } from './ends-from-outside.ts';
import { createForgetRuns } from './forget.ts';
import { Ingress } from './ingress.ts';
import {
  type CancelRequest,
  type Claimed,
  type ClaimRequest,
  keyService,
  type RestartRequest,
  type RunRequest,
  runService,
  type SignalRequest,
} from './messages.ts';
import { Registration } from './registration.ts';
import { RunReader } from './run-reader.ts';
import { type PreparedRequest, runRequest } from './run-request.ts';
import { defaultKeeping, type Keeping } from './service-options.ts';
import { settlementOf } from './settlement.ts';
import { Worker } from './worker.ts';

export interface RestateOptions {
  /** The ingress of each node; any takes any request. */
  readonly ingressUrls: readonly string[];
  readonly adminUrl: string;
  /** Begins the names of the services: installations that share a cluster have different ones. */
  readonly namespace: string;
  readonly flows: readonly Flow<never>[];
  /** Default: true. Otherwise runs are started and asked for here, and executed by other processes alone. */
  readonly executes?: boolean;
  /** Where Restate reaches this process, and where it listens for that. Without `workerUrl`, at the address it listens on. */
  readonly workerHost: string;
  readonly workerPort: number;
  readonly workerUrl?: string;
  readonly identityKeys: readonly string[];
  /** Default: ended runs for 30 days, at most 10 s between tries. */
  readonly keeping?: Keeping;
  /** For values that are too large for the journal; all processes have the same. Without it they are refused. */
  readonly objects?: Objects;
  /** Writes facts by their ids: what is there already is left alone. */
  readonly appendFacts: (facts: readonly StampedFact[]) => Promise<void>;
  readonly observer: EngineObserver;
  readonly onWarning?: (message: string) => void;
}

/**
 * The engine for several processes and machines: a Restate server, or a cluster of them, keeps journals, timers and signals,
 * and calls our processes, which keep nothing. Starting a run is one durable write there.
 */
export class RestateEngine implements Engine {
  readonly #options: RestateOptions;
  readonly #flows: FlowRegistry;
  readonly #ingress: Ingress;
  readonly #admin: Admin;
  readonly #worker: Worker;
  readonly #registration: Registration;
  readonly #reader: RunReader;
  readonly #ends: EndsFromOutside;
  readonly #facts: FactWriter;
  readonly #values: Values;
  readonly #waiters = new Waiters();
  readonly #runService: string;
  #stopping = false;

  constructor(options: RestateOptions) {
    this.#options = options;
    const { namespace, observer, onWarning = () => {} } = options;
    this.#runService = runService(namespace);
    this.#flows = new FlowRegistry(options.flows);
    this.#ingress = new Ingress(options.ingressUrls);
    this.#admin = new Admin(options.adminUrl);
    this.#reader = new RunReader(this.#admin, namespace, this.#flows);
    this.#facts = new FactWriter(options.appendFacts);
    this.#values = new Values(options.objects);
    this.#worker = new Worker({
      ...{ namespace, flows: this.#flows, host: options.workerHost, port: options.workerPort },
      ...{ identityKeys: options.identityKeys, keeping: options.keeping ?? defaultKeeping },
      facts: this.#facts,
      values: this.#values,
      askPatched: (runId, request) => this.#ingress.call([this.#runService, runId, 'patch'], request),
      onEnd: (runId) => this.#waiters.tell(runId),
      onFailed: (flow, runId, error) => observer.runFailed(flow, runId, error.message),
      onPaused: (runId, message) => observer.runPaused(runId, message),
      onWarning,
    });
    this.#ends = new EndsFromOutside({
      ...{ ingress: this.#ingress, admin: this.#admin, reader: this.#reader, flows: this.#flows },
      ...{ facts: this.#facts, service: this.#runService },
      onEnded: (runId) => this.#waiters.tell(runId),
    });
    this.#registration = new Registration(this.#worker.handlers, this.#admin, this.#reader, onWarning);
  }

  /** Serves runs, and tells Restate where, trying again until it listens. Throws when the port can't be used. */
  async open(): Promise<void> {
    if (this.#options.executes === false) return;
    await this.#listen();
    const { workerHost, workerUrl } = this.#options;
    const host = workerHost.includes(':') ? `[${workerHost}]` : workerHost;
    this.#registration.begin(workerUrl ?? `http://${host}:${this.#worker.port}`, this.#options.namespace);
  }

  async #listen(): Promise<void> {
    try {
      await this.#worker.listen();
    } catch (error) {
      const { workerHost, workerPort } = this.#options;
      throw new SignalboxError(
        'config_invalid',
        `Restate is to reach this process on port ${workerPort} of ${workerHost}, which cannot be used: ${messageOf(error)}. Set SIGNALBOX_WORKER_PORT or SIGNALBOX_WORKER_HOST to another.`,
        { cause: error },
      );
    }
  }

  /** Resolves once Restate knows this process. */
  registered(): Promise<void> {
    return this.#registration.done;
  }

  /** Why no run can be started, if that is so. */
  async problem(): Promise<string | undefined> {
    return (await this.#ingress.isHealthy()) ? undefined : 'Restate does not answer at RESTATE_INGRESS_URLS.';
  }

  /** Why Restate does not know that runs are executed here, if that is so. */
  get registrationProblem(): string | undefined {
    return this.#options.executes === false ? undefined : this.#registration.problem;
  }

  async start<I, O>(flow: Flow<I, O>, input: I, options: StartOptions = {}): Promise<StartedRun> {
    this.#checkAccepting();
    const runId = options.runId ?? uuidv7();
    checkStartOptions(options);
    const { request, store } = this.#request(flow, input, runId, options);
    await store?.();
    if (options.idempotency !== undefined) {
      const { key: idempotencyKey } = options.idempotency;
      const named = { ...request, idempotencyKey };
      return this.#claim({ runId, request: named, now: Date.now(), ...options.idempotency });
    }
    const started = await this.#submit(runId, request);
    if (started.created) await this.#facts.write(request.facts);
    return started;
  }

  #request<I, O>(
    flow: Flow<I, O>,
    input: I,
    runId: string,
    { facts = [], startAt }: StartOptions,
  ): PreparedRequest {
    this.#flows.require(flow.name, flow.version);
    const createdAt = Date.now();
    const stamped = factsOfRun(runId, 'start', facts, createdAt);
    return runRequest(this.#values, runId, flow as Flow<I>, input, {
      ...{ createdAt, facts: stamped },
      ...(startAt !== undefined && { startAt }),
    });
  }

  /** Accepted with this; what follows may be repeated, and the run writes its facts too, should this process end here. */
  async #submit(runId: string, request: RunRequest): Promise<StartedRun> {
    const { created, invocationId } = await this.#ingress.submit([this.#runService, runId, 'run'], request);
    this.#reader.remember(runId, invocationId);
    return { runId, created, input: await this.#values.resolve(request.input) };
  }

  async #claim(claim: ClaimRequest & { readonly key: string }): Promise<StartedRun> {
    const { key, ...request } = claim;
    const path = [keyService(this.#options.namespace), key, 'claim'];
    const { holder } = await this.#ingress.call<Claimed>(path, request);
    // A claim that was sent twice finds itself.
    const created = holder.runId === claim.runId;
    if (holder.fingerprint !== claim.fingerprint) throw keyReused(key);
    // The claim has started it; when this returns it is there to be seen.
    if (created) await this.#submit(claim.runId, claim.request);
    // Also those of an earlier claim, which may not have come to it.
    await this.#facts.write(holder.facts);
    return { runId: holder.runId, created, input: await this.#values.resolve(holder.input) };
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
    const ended = await this.#ingress.hasEnded(this.#runService, runId);
    if (ended && options.key === undefined) throw runEnded(runId);
    if (!ended) await kept.store?.();
    const value = ended ? null : ((kept.reference as Json | undefined) ?? payload ?? null);
    const about = { name, payload: value, sentAt: Date.now(), ...options };
    const request: SignalRequest = ended ? { ...about, ended } : about;
    const outcome = await this.#ingress.call<SignalOutcome | 'ended'>(
      [this.#runService, runId, 'signal'],
      request,
    );
    if (outcome === 'ended') throw runEnded(runId);
    return outcome;
  }

  async cancel(runId: string, reason = 'no reason given'): Promise<RunStatus> {
    const row = await this.#reader.require(runId);
    const { status } = await this.#reader.toRun(row);
    if (hasEnded(status)) return status;
    const request: CancelRequest = { invocationId: row.id, reason };
    await this.#ingress.call([this.#runService, runId, 'cancel'], request);
    if (this.#worker.executes(runId)) {
      // A step that is under way here is made again, by which the run learns of it; elsewhere it learns when the step ends.
      await this.#reader.untilCancelRecorded(row);
      this.#worker.abort(runId, runCancelled(reason));
    }
    // A run that has not begun ends without its code.
    if (status === 'queued') await this.#ends.close(runId);
    return this.#reader.status(runId);
  }

  async terminate(runId: string, reason = 'no reason given'): Promise<RunStatus> {
    return this.#ends.terminate(runId, reason);
  }

  async resume(runId: string): Promise<RunStatus> {
    const row = await this.#reader.require(runId);
    const run = await this.#reader.toRun(row);
    this.#flows.require(run.flow, run.version);
    if (run.status === 'paused') await this.#reader.resume(row);
    return this.#reader.status(runId);
  }

  async restart(runId: string): Promise<StartedRun> {
    this.#checkAccepting();
    const row = await this.#reader.require(runId);
    const status = this.#reader.statusOf(row);
    checkRestartable(runId, status);
    const { flow: name, version, input: kept } = await this.#reader.request(row);
    const about = { createdAt: Date.now(), facts: [], restartOf: runId };
    const [newId, input] = [uuidv7(), await this.#values.resolve(kept)];
    const flow = this.#flows.require(name, version);
    const { request, store } = runRequest(this.#values, newId, flow, input, about);
    await store?.();
    const restart: RestartRequest = { runId: newId, request };
    const path = [this.#runService, runId, 'restart'];
    const again = await this.#ingress.call<{ runId: string; created: boolean }>(path, restart);
    if (again.created) await this.#submit(again.runId, restart.request);
    return { ...again, input };
  }

  async get(runId: string): Promise<Run | undefined> {
    const run = await this.#reader.get(runId);
    return run && wholeRun(this.#values, run);
  }

  deadLetters(): Promise<readonly DeadLetterCount[]> {
    return countListed(this);
  }

  list(filter: RunFilter = {}): Promise<RunPage> {
    return this.#reader.list(filter);
  }

  async history(runId: string): Promise<readonly Operation[]> {
    return this.#reader.history(await this.#reader.require(runId));
  }

  async wait(runId: string, options: { readonly signal?: AbortSignal } = {}): Promise<Run> {
    const settled = settlementOf(runId, {
      knows: (id) => this.#reader.remembers(id),
      hasEnded: (id) => this.#ingress.hasEnded(this.#runService, id),
      whenSettled: (id) => this.#reader.whenSettled(id),
    });
    const run = await this.#waiters.wait(runId, settled, options.signal);
    return wholeRun(this.#values, run);
  }

  /** Which of these have a run or a signal. See `ValueSweep`. */
  knownRuns(runIds: readonly string[]): Promise<ReadonlySet<string>> {
    return this.#reader.known(runIds);
  }

  /** Ended ones, with their journals, signals and idempotency keys. */
  forgetRuns(runIds: readonly string[]): Promise<void> {
    const { namespace } = this.#options;
    const parts = { reader: this.#reader, admin: this.#admin, ingress: this.#ingress, namespace };
    return createForgetRuns(parts)(runIds);
  }

  stats(): EngineStats {
    const { waiting, running } = this.#worker;
    return { queued: waiting, inBackground: 0, running, resident: running + waiting };
  }

  async versions(): Promise<readonly FlowVersion[]> {
    return tallyVersions(this.#flows, await this.#reader.unfinished());
  }

  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    this.#registration.stop();
    await this.#worker.stop(graceMs);
    this.#waiters.stop();
    await Promise.all([this.#ingress.close(), this.#admin.close()]);
  }

  #checkAccepting(): void {
    if (this.#stopping) throw serverStopping();
  }
}
