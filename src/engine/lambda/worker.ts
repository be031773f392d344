import type {
  DurableExecutionClient,
  DurableExecutionInvocationInput,
  DurableExecutionInvocationOutput,
} from '@aws/durable-execution-sdk-js';
import { SignalboxError } from '../../core/errors.ts';
import type { Objects } from '../../objects/objects.ts';
import type { StampedFact } from '../engine.ts';
import type { Flow } from '../flow.ts';
import { FlowRegistry } from '../flow-registry.ts';
import { type KeptError, keepError } from '../kept-error.ts';
import type { EngineObserver } from '../observer.ts';
import type { Records } from '../records.ts';
import { Values } from '../values.ts';
import type { LambdaApi } from './api.ts';
import { Execution, type ExecutionHost } from './execution.ts';
import { Executions } from './executions.ts';
import { Inbox } from './inbox.ts';
import { Journal } from './journal.ts';
import { type KeptFacts, KeptFactWriter } from './kept-facts.ts';
import type { ChildResult, RunRecord, RunRequest } from './messages.ts';
import { RestNotes } from './rest-notes.ts';
import { endOf, RunRecords } from './run-records.ts';
import { inlineLimitBytes } from './run-request.ts';
import { Transport } from './transport.ts';

export interface WorkerOptions {
  readonly flows: readonly Flow<never>[];
  readonly records: Records;
  readonly api: LambdaApi;
  /** For values that are too large for AWS. Without it they are refused. */
  readonly objects?: Objects;
  /** Writes facts by their ids: what is there already is left alone. */
  readonly appendFacts: (facts: readonly StampedFact[]) => Promise<void>;
  readonly observer: EngineObserver;
  /** How the SDK reaches AWS. Default: its own way. */
  readonly client?: DurableExecutionClient;
  /** Default: the clock of the machine. */
  readonly now?: () => number;
  /** Told when something of a run has ended here. */
  readonly onChange?: (runId: string) => void;
}

/** What Lambda gives a handler besides the event; the SDK asks only for these. */
export interface LambdaContext {
  readonly awsRequestId: string;
  getRemainingTimeInMillis(): number;
}

/** What Lambda calls to get runs further. One for all flows, versions and runs: which one it is stands in the request. */
export class Worker implements ExecutionHost {
  readonly now: () => number;
  readonly values: Values;
  readonly #options: WorkerOptions;
  readonly #flows: FlowRegistry;
  readonly #runs: RunRecords;
  readonly #executions: Executions;
  readonly #inbox: Inbox;
  readonly #facts: KeptFactWriter;
  readonly #rest: RestNotes;
  readonly #arns = new Map<string, string>();
  readonly #underWay = new Set<Execution>();

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.now = options.now ?? Date.now;
    this.values = new Values(options.objects, inlineLimitBytes);
    this.#flows = new FlowRegistry(options.flows);
    this.#runs = new RunRecords(options.records);
    this.#executions = new Executions(options.api, this.#runs);
    this.#inbox = new Inbox(options.records, options.api, this.now);
    this.#facts = new KeptFactWriter(this.values, options.appendFacts);
    this.#rest = new RestNotes(this.#runs);
  }

  /** The handler of the Lambda function. */
  readonly handle = async (
    event: DurableExecutionInvocationInput,
    context: LambdaContext,
  ): Promise<DurableExecutionInvocationOutput> => {
    const sdk = await import('@aws/durable-execution-sdk-js');
    // Local runners hand over their way to the service with the event.
    const given =
      sdk.DurableExecutionInvocationInputWithClient.isInstance(event) && event.durableExecutionClient;
    const client = given || this.#options.client || new sdk.DurableExecutionApiClient();
    const transport = new Transport(client, event);
    const operations = await transport.load(event);
    const journal = new Journal(operations);
    const request = JSON.parse(journal.input) as RunRequest;
    this.#arns.set(request.runId, event.DurableExecutionArn);
    try {
      const flow = this.#flows.find(request.flow, request.version);
      if (flow === undefined) return await this.#unknownFlow(request, transport, journal);
      transport.follow(journal);
      const execution = new Execution(this, journal, flow, request);
      this.#underWay.add(execution);
      const handler = sdk.withDurableExecution((_, durable) => execution.run(durable), {
        durableExecutionClient: transport,
      });
      const complete = { ...event, InitialExecutionState: { Operations: operations } };
      // The SDK takes the type of Lambda's context from the typings of another package, and uses these two members.
      const output = await handler(complete, context as Parameters<typeof handler>[1]).finally(() => {
        this.#underWay.delete(execution);
        execution.stop(invocationOver());
      });
      return await this.#settle(request, transport, journal, execution, output);
    } finally {
      await this.#rest.settle(request.runId);
      this.#arns.delete(request.runId);
      this.#options.onChange?.(request.runId);
    }
  };

  /** Ends what executes here. AWS invokes the runs again, elsewhere. */
  stop(): void {
    for (const execution of this.#underWay) execution.stop(invocationOver());
  }

  async #settle(
    request: RunRequest,
    transport: Transport,
    journal: Journal,
    { outcome, isResting }: Execution,
    output: DurableExecutionInvocationOutput,
  ): Promise<DurableExecutionInvocationOutput> {
    if (outcome === undefined && output.Status === 'PENDING' && !isResting)
      throw suspendedTooEarly(request.runId);
    if (outcome === undefined) return this.#settleWithout(request, output);
    if ('broken' in outcome) throw outcome.broken;
    if ('paused' in outcome) return this.#pause(request, transport, journal, outcome.paused);
    if ('isOver' in outcome) return this.#conclude(request, await this.#runs.require(request.runId));
    return this.#end(request, outcome, outcome.endedAt);
  }

  /** The run has come to rest, or AWS has refused something that the SDK asked for. */
  async #settleWithout(
    request: RunRequest,
    output: DurableExecutionInvocationOutput,
  ): Promise<DurableExecutionInvocationOutput> {
    if (output.Status !== 'FAILED') {
      this.#rest.note(request.runId, true);
      return output;
    }
    const { ErrorMessage: message = 'Lambda has ended the run.' } = output.Error ?? {};
    const failed: KeptError = { code: 'run_failed', message, retryable: false };
    return this.#end(request, { failed }, this.now());
  }

  async #end(
    request: RunRequest,
    end: { readonly output: unknown } | { readonly failed: KeptError },
    endedAt: number,
  ): Promise<DurableExecutionInvocationOutput> {
    const { runId, flow } = request;
    await this.#rest.forget(runId);
    const record = await this.#runs.change(runId, () => endOf(end, endedAt));
    if (record.status === 'failed') {
      this.#options.observer.runFailed(flow, runId, record.error?.message ?? '');
    }
    return this.#conclude(request, record);
  }

  /** Tells AWS, and the run that waits for this one, how it ended: the record decides, also when the end is told again. */
  async #conclude(
    { parentCallback }: RunRequest,
    { status, output, error, endedAt }: RunRecord,
  ): Promise<DurableExecutionInvocationOutput> {
    const result: ChildResult = status === 'succeeded' ? { output } : { error: error! };
    if (parentCallback !== undefined) {
      await this.#options.api.completeCallback(parentCallback, JSON.stringify(result));
    }
    return status === 'succeeded' ? succeededOutput({ output, endedAt }) : failedOutput(error!);
  }

  #unknownFlow(
    request: RunRequest,
    transport: Transport,
    journal: Journal,
  ): Promise<DurableExecutionInvocationOutput> {
    const { flow, version } = request;
    return this.#pause(request, transport, journal, this.#flows.unknown(`${flow}@${version}`));
  }

  /** AWS has no paused executions: this one waits for a callback that `resume` completes. */
  async #pause(
    request: RunRequest,
    transport: Transport,
    journal: Journal,
    reason: SignalboxError,
  ): Promise<DurableExecutionInvocationOutput> {
    const { runId } = request;
    await this.#rest.forget(runId);
    const pauseCallback = await transport.openPause(journal.pauses + 1);
    await this.#noteBegun(request, {});
    await this.#runs.change(runId, () => {
      return { status: 'paused', error: keepError(reason, 'run_failed'), pauseCallback };
    });
    this.#options.observer.runPaused(runId, reason.message);
    return pendingOutput;
  }

  requireFlow(name: string, version: number): Flow {
    return this.#flows.require(name, version);
  }

  appendFacts(facts: KeptFacts): Promise<void> {
    return this.#facts.write(facts);
  }

  async begin(request: RunRequest, control: string): Promise<boolean> {
    const record = await this.#noteBegun(request, { control });
    if (record.endedAt !== undefined) return false;
    await this.#executions.passOnCancel(record);
    return true;
  }

  /** Notes that the run is alive, also for a starter that has not come to it. */
  async #noteBegun(request: RunRequest, about: { readonly control?: string }) {
    const { runId } = request;
    await this.#runs.noteStarted(request, this.#arns.get(runId) ?? '');
    return this.#runs.change(runId, ({ control, pauseCallback, status }) => {
      const isKnown = about.control === undefined || about.control === control;
      const rested = status === 'paused' || status === 'waiting';
      if (isKnown && !rested && pauseCallback === undefined) return undefined;
      return { ...about, ...unpaused, status: rested ? 'running' : status };
    });
  }

  async begun(runId: string): Promise<void> {
    await this.#runs.change(runId, ({ status }) => (status === 'queued' ? { status: 'running' } : undefined));
    this.#rest.begin(runId);
  }

  resting(runId: string, isResting: boolean): void {
    this.#rest.note(runId, isResting);
  }

  async isPatched(runId: string, name: string, isNew: boolean): Promise<boolean> {
    const record = await this.#runs.change(runId, ({ patches = [] }) =>
      isNew && !patches.includes(name) ? { patches: [...patches, name] } : undefined,
    );
    return record.patches?.includes(name) ?? false;
  }

  offer(runId: string, name: string, occurrence: number, callback: string): Promise<void> {
    return this.#inbox.offer({ runId, name, occurrence }, callback);
  }

  closeInbox(runId: string, name: string, occurrence: number): Promise<void> {
    return this.#inbox.close({ runId, name, occurrence });
  }

  async startChild(request: RunRequest): Promise<void> {
    await this.#executions.start(request);
  }

  async cancelRun(runId: string, reason: string): Promise<void> {
    await this.#executions.cancel(runId, reason);
  }
}

const invocationOver = () =>
  new SignalboxError('shutting_down', 'This invocation is over; the run goes on in another one.');

/** See `Hold`. */
const suspendedTooEarly = (runId: string) =>
  new SignalboxError(
    'internal_error',
    `The SDK has suspended run ${runId}, which was not at rest; it is invoked again.`,
  );

const unpaused = { pauseCallback: undefined, error: undefined } as const;

const pendingOutput = { Status: 'PENDING' } as DurableExecutionInvocationOutput;

const succeededOutput = (result: object) =>
  ({ Status: 'SUCCEEDED', Result: JSON.stringify(result) }) as DurableExecutionInvocationOutput;

function failedOutput({ code, message, ...rest }: KeptError): DurableExecutionInvocationOutput {
  const error = { ErrorType: code, ErrorMessage: message, ErrorData: JSON.stringify(rest) };
  return { Status: 'FAILED', Error: error } as DurableExecutionInvocationOutput;
}
