import type { Event, LambdaClient } from '@aws-sdk/client-lambda';
import { messageOf, SignalboxError } from '../../core/errors.ts';
import type { ApiError, ExecutionEvent, ExecutionState, ExecutionStatus, LambdaApi } from './api.ts';

export interface AwsOptions {
  /** The durable function: name or ARN. */
  readonly functionName: string;
  /** Its version or alias; durable functions are not started without. */
  readonly qualifier: string;
  /** Default: as the AWS SDK finds region, credentials and address. */
  readonly client?: LambdaClient;
}

interface Page {
  readonly Events?: readonly Event[] | undefined;
  readonly NextMarker?: string | undefined;
}

type Sdk = typeof import('@aws-sdk/client-lambda');

/** AWS's largest. */
const eventsPerPage = 1_000;

/** The API of AWS Lambda. Its client is loaded with the first call. */
export class AwsLambdaApi implements LambdaApi {
  readonly #options: AwsOptions;
  #loaded: Promise<{ sdk: Sdk; client: LambdaClient }> | undefined;

  constructor(options: AwsOptions) {
    this.#options = options;
  }

  async start(name: string, payload: string): Promise<{ arn: string }> {
    const { functionName: FunctionName, qualifier: Qualifier } = this.#options;
    const about = { FunctionName, Qualifier, DurableExecutionName: name, Payload: Buffer.from(payload) };
    const started = await this.#call(
      ({ sdk, client }) => client.send(new sdk.InvokeCommand({ ...about, InvocationType: 'Event' })),
      { DurableExecutionAlreadyStartedException: () => Promise.reject(nameTaken(name)) },
    );
    const { DurableExecutionArn: arn } = started;
    if (arn !== undefined) return { arn };
    throw new SignalboxError(
      'config_invalid',
      `The Lambda function ${FunctionName}:${Qualifier} has started no durable execution. Give the name of a function that was created with a durable configuration.`,
    );
  }

  completeCallback(callbackId: string, result: string): Promise<'completed' | 'closed'> {
    const request = { CallbackId: callbackId, Result: Buffer.from(result) };
    const closed = async () => 'closed' as const;
    return this.#call<'completed' | 'closed'>(
      async ({ sdk, client }) => {
        await client.send(new sdk.SendDurableExecutionCallbackSuccessCommand(request));
        return 'completed';
      },
      { CallbackTimeoutException: closed, ResourceNotFoundException: closed },
    );
  }

  async stop(arn: string, { type, message, data }: ApiError): Promise<void> {
    const error = { ErrorType: type, ErrorMessage: message, ErrorData: data };
    const request = { DurableExecutionArn: arn, Error: error };
    await this.#call<unknown>(
      ({ sdk, client }) => client.send(new sdk.StopDurableExecutionCommand(request)),
      {
        ResourceNotFoundException: async () => {},
      },
    );
  }

  get(arn: string): Promise<ExecutionState | undefined> {
    return this.#call<ExecutionState | undefined>(
      async ({ sdk, client }) => {
        const request = new sdk.GetDurableExecutionCommand({ DurableExecutionArn: arn });
        const { Status: status, EndTimestamp: ended, Error: error } = await client.send(request);
        const { ErrorType: type = '', ErrorMessage: message = '' } = error ?? {};
        return {
          status: status as ExecutionStatus,
          ...(ended !== undefined && { endedAt: ended.getTime() }),
          ...(error !== undefined && { error: { type, message } }),
        };
      },
      { ResourceNotFoundException: async () => undefined },
    );
  }

  async history(arn: string): Promise<readonly ExecutionEvent[]> {
    const events: ExecutionEvent[] = [];
    let Marker: string | undefined;
    do {
      const page = await this.#page(arn, Marker);
      events.push(...(page.Events ?? []).map(eventOf).filter((event) => event !== undefined));
      Marker = page.NextMarker;
    } while (Marker);
    return events;
  }

  #page(arn: string, marker: string | undefined): Promise<Page> {
    const about = { DurableExecutionArn: arn, IncludeExecutionData: true, MaxItems: eventsPerPage };
    const request = { ...about, ...(marker && { Marker: marker }) };
    return this.#call<Page>(
      ({ sdk, client }) => client.send(new sdk.GetDurableExecutionHistoryCommand(request)),
      {
        ResourceNotFoundException: async () => ({}),
      },
    );
  }

  /** Calls AWS; what it refuses by a name that is given here is no failure. */
  async #call<T>(
    call: (loaded: { sdk: Sdk; client: LambdaClient }) => Promise<T>,
    refusals: Readonly<Record<string, () => Promise<NoInfer<T>>>>,
  ): Promise<T> {
    this.#loaded ??= this.#load();
    const loaded = await this.#loaded;
    try {
      return await call(loaded);
    } catch (error) {
      const { name } = error as { name?: string };
      const refusal = name === undefined ? undefined : refusals[name];
      if (refusal !== undefined) return refusal();
      throw new SignalboxError('engine_unavailable', `AWS Lambda has refused: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }

  async #load() {
    const sdk = await import('@aws-sdk/client-lambda');
    return { sdk, client: this.#options.client ?? new sdk.LambdaClient({}) };
  }
}

/** Undefined for what is no operation: the execution itself, and its invocations. */
function eventOf(event: Event): ExecutionEvent | undefined {
  const found = /^(Step|Wait|Callback)(Started|Succeeded|Failed|TimedOut)$/.exec(event.EventType ?? '');
  if (found === null) return undefined;
  const kind = found[1]!.toLowerCase() as ExecutionEvent['kind'];
  const change = found[2] === 'TimedOut' ? 'timed out' : (found[2]!.toLowerCase() as 'started');
  const at = event.EventTimestamp?.getTime() ?? 0;
  const result = (event.StepSucceededDetails ?? event.CallbackSucceededDetails)?.Result?.Payload;
  const dueAt = dueAtOf(event, at);
  return {
    ...{ kind, change, name: event.Name ?? '', at },
    ...(result !== undefined && { result }),
    ...(dueAt !== undefined && { dueAt }),
  };
}

function dueAtOf({ WaitStartedDetails: wait, CallbackStartedDetails: callback }: Event, at: number) {
  if (callback?.Timeout) return at + callback.Timeout * 1_000;
  return wait?.ScheduledEndTimestamp?.getTime();
}

const nameTaken = (name: string) =>
  new SignalboxError('conflict', `Lambda has an execution ${name} already, started with something else.`);
