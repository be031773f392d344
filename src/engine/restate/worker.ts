import { once } from 'node:events';
import {
  createServer,
  type Http2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import {
  createEndpointHandler,
  type LogMetadata,
  RetryableError,
  type WorkflowContext,
} from '@restatedev/restate-sdk';
import { SignalboxError } from '../../core/errors.ts';
import type { StampedFact } from '../engine.ts';
import type { FactWriter } from '../fact-writer.ts';
import type { FlowRegistry } from '../flow-registry.ts';
import type { Values } from '../values.ts';
import { Execution, type ExecutionHost, type RunContext } from './execution.ts';
import { isFailure } from './failure.ts';
import { createKeyService } from './key-service.ts';
import type { PatchRequest, RunRequest, RunResult } from './messages.ts';
import { Permits } from './permits.ts';
import { createPlaceService } from './place-service.ts';
import { createRunService } from './run-service.ts';
import type { Keeping } from './service-options.ts';

export interface WorkerOptions {
  readonly namespace: string;
  readonly flows: FlowRegistry;
  readonly host: string;
  readonly port: number;
  /** Public keys of Restate (`publickeyv1_…`): requests that none of them has signed are refused. */
  readonly identityKeys: readonly string[];
  readonly keeping: Keeping;
  readonly facts: FactWriter;
  readonly values: Values;
  /** Asks Restate what is kept of a patch. */
  readonly askPatched: (runId: string, request: PatchRequest) => Promise<boolean>;
  readonly onEnd: (runId: string) => void;
  readonly onFailed: (flow: string, runId: string, error: Error) => void;
  /** Told once of each run. */
  readonly onPaused: (runId: string, message: string) => void;
  /** What the SDK warns of. */
  readonly onWarning: (message: string) => void;
}

/**
 * How long Restate waits before it tries a run again that waits for code or for an object that is gone: soon at first, because while
 * versions are changed another process has the code.
 */
const helpRetriesMs = [200, 200, 500, 500, 1_000, 1_000, 2_000, 5_000, 10_000, 30_000];

/** After so many times nobody else seems to have it, and the operator is told. */
const toldAfter = 4;

const rememberedRuns = 10_000;

type Service = ReturnType<typeof createRunService | typeof createKeyService | typeof createPlaceService>;

/**
 * What Restate calls to get runs further. In request/response mode: a run that waits holds no connection and no place in
 * Restate.
 */
export class Worker implements ExecutionHost {
  readonly namespace: string;
  /** What Restate may call, each as `service/handler`. */
  readonly handlers: readonly string[];
  readonly values: Values;
  readonly #options: WorkerOptions;
  readonly #permits: Permits;
  readonly #executions = new Map<string, Set<Execution>>();
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #server: Http2Server;
  /** How often each run could not go on here. */
  readonly #stops = new Map<string, number>();
  readonly #patched = new Set<string>();
  #underWay = 0;
  #stopping = false;

  constructor(options: WorkerOptions) {
    this.namespace = options.namespace;
    this.values = options.values;
    this.#options = options;
    this.#permits = new Permits(options.flows.concurrency);
    const services = this.#services();
    this.handlers = services.flatMap(handlersOf);
    this.#server = createServer(this.#handler(services));
    this.#server.on('session', (session) => {
      this.#sessions.add(session);
      session.once('close', () => this.#sessions.delete(session));
    });
  }

  /** Runs whose code executes now. */
  get running(): number {
    return this.#executions.size;
  }

  /** Runs that wait for a place in this process. */
  get waiting(): number {
    return this.#permits.waiting;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async listen(): Promise<void> {
    const { host, port } = this.#options;
    this.#server.listen(port, host);
    await once(this.#server, 'listening');
  }

  requireFlow(name: string, version: number) {
    return this.#options.flows.require(name, version);
  }

  appendFacts(facts: readonly StampedFact[]): Promise<void> {
    return this.#options.facts.write(facts);
  }

  async isPatched(runId: string, name: string, isNew: boolean): Promise<boolean> {
    const key = `${runId} ${name}`;
    if (this.#patched.has(key)) return true;
    const answer = await this.#options.askPatched(runId, { name, isNew });
    makeRoom(this.#patched);
    if (answer) this.#patched.add(key);
    return answer;
  }

  /** Whether code of the run executes here now. */
  executes(runId: string): boolean {
    return this.#executions.has(runId);
  }

  /** Aborts the steps of a run that this process makes at the moment; they are made again. */
  abort(runId: string, reason: Error): void {
    for (const execution of this.#executions.get(runId) ?? []) execution.abort(reason);
  }

  /** Lets what is under way end for at most `graceMs`; Restate gives the rest to another process, or to the next. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    const closed = new Promise((resolve) =>
      this.#server.listening ? this.#server.close(resolve) : resolve(0),
    );
    // GOAWAY: what is under way ends, and what is new is tried again where somebody listens.
    for (const session of this.#sessions) session.close();
    const until = Date.now() + graceMs;
    while (this.#underWay > 0 && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 5));
    const reason = new SignalboxError('shutting_down', 'The process is stopping; the run goes on elsewhere.');
    for (const runId of [...this.#executions.keys()]) this.abort(runId, reason);
    for (const session of this.#sessions) session.destroy();
    await closed;
  }

  #services(): readonly Service[] {
    const { namespace, keeping } = this.#options;
    const run = createRunService(namespace, keeping, (context, request) => this.#run(context, request));
    return [run, createKeyService(namespace, keeping), createPlaceService(namespace, keeping)];
  }

  #handler(services: readonly Service[]) {
    const { identityKeys } = this.#options;
    const handle = createEndpointHandler({
      services: [...services],
      bidirectional: false,
      identityKeys: [...identityKeys],
      logger: (about, ...parts) => this.#warn(about, parts),
    });
    return (request: Http2ServerRequest, response: Http2ServerResponse) => {
      if (this.#stopping) return void response.writeHead(503).end();
      this.#underWay += 1;
      request.once('close', () => this.#underWay--);
      handle(request, response);
    };
  }

  async #run(context: WorkflowContext, request: RunRequest): Promise<RunResult> {
    const flow = this.#options.flows.find(request.flow, request.version);
    if (flow === undefined) throw this.#unknownFlow(context.key, request);
    const ended = context.request().attemptCompletedSignal;
    await this.#permits.take(flow.name, ended);
    if (ended.aborted) throw new Error('Restate has ended this attempt.');
    const execution = new Execution(this, context as RunContext, flow, request);
    this.#track(execution, ended);
    try {
      return await execution.run();
    } catch (error) {
      if (error instanceof SignalboxError && error.code === 'run_unreadable') {
        throw this.#waitsForHelp(context.key, error);
      }
      if (isFailure(error)) this.#options.onFailed(flow.name, execution.runId, error);
      throw error;
    }
  }

  #unknownFlow(runId: string, { flow, version }: RunRequest): RetryableError {
    return this.#waitsForHelp(runId, this.#options.flows.unknown(`${flow}@${version}`));
  }

  /** What has to be put right by somebody; `runs.ts` shows the run as paused by its code. */
  #waitsForHelp(runId: string, { code, message }: SignalboxError): RetryableError {
    const times = this.#countStop(runId);
    if (times === toldAfter) this.#options.onPaused(runId, message);
    const retryAfter = helpRetriesMs[Math.min(times, helpRetriesMs.length) - 1]!;
    return new RetryableError(`${code}: ${message}`, { retryAfter });
  }

  #track(execution: Execution, ended: AbortSignal): void {
    const { runId } = execution;
    const executions = this.#executions.get(runId) ?? new Set();
    this.#executions.set(runId, executions.add(execution));
    const forget = () => {
      execution.abort(new Error('Restate has ended this attempt.'));
      executions.delete(execution);
      if (executions.size === 0) this.#executions.delete(runId);
      this.#options.onEnd(runId);
    };
    if (ended.aborted) forget();
    else ended.addEventListener('abort', forget, { once: true });
  }

  #tellPaused(runId: string, message: string): void {
    if (this.#countStop(runId) === 1) this.#options.onPaused(runId, message);
  }

  #countStop(runId: string): number {
    const times = (this.#stops.get(runId) ?? 0) + 1;
    makeRoom(this.#stops);
    this.#stops.set(runId, times);
    return times;
  }

  #warn(about: LogMetadata, parts: unknown[]): void {
    const level: string = about.level;
    if (level !== 'warn' && level !== 'error') return;
    const message = parts.map((part) => (part instanceof Error ? part.message : String(part))).join(' ');
    const runId = about.context?.key;
    if (runId !== undefined && message.includes('Journal mismatch')) this.#tellPaused(runId, message);
    else if (!/unknown_flow: |run_unreadable: /.test(message)) this.#options.onWarning(message);
  }
}

function makeRoom(remembered: Set<string> | Map<string, unknown>): void {
  if (remembered.size >= rememberedRuns) remembered.delete(remembered.keys().next().value!);
}

function handlersOf(service: { readonly name: string }): string[] {
  const { workflow, object } = service as { workflow?: object; object?: object };
  return Object.keys(workflow ?? object ?? {}).map((handler) => `${service.name}/${handler}`);
}
