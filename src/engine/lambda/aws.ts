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

/** Whoever waits for AWS does not wait longer for one answer. */
const patience = { connectionTimeout: 3_000, requestTimeout: 10_000, throwOnRequestTimeout: true };

const askAgainMs = 5_000;

/** The API of AWS Lambda. Its client is loaded with the first call. */
export class AwsLambdaApi implements LambdaApi {
  readonly #options: AwsOptions;
  #loaded: Promise<{ sdk: Sdk; client: LambdaClient }> | undefined;
  /** What the latest call met, unless it was answered. */
  #failure: SignalboxError | undefined;
  #askedAt = Number.NEGATIVE_INFINITY;

  constructor(options: AwsOptions) {
    this.#options = options;
  }

  /**
   * Looks whether runs can be started. Throws `config_invalid` for what will not get better by itself; returns a sentence on what
   * cannot be told now.
   */
  async check(): Promise<string | undefined> {
    const { functionName: FunctionName, qualifier: Qualifier } = this.#options;
    const { sdk, client } = await this.#ready();
    try {
      await client.config.region();
      const request = new sdk.GetFunctionConfigurationCommand({ FunctionName, Qualifier });
      const { DurableConfig: durable } = await client.send(request);
      this.#failure = undefined;
      if (durable !== undefined) return undefined;
    } catch (error) {
      const { message, isAway } = whatIsWrong(error, `${FunctionName}:${Qualifier}`);
      this.#failure = isAway
        ? new SignalboxError('engine_unavailable', message, { cause: error })
        : undefined;
      return message;
    }
    throw notDurable(`${FunctionName}:${Qualifier}`);
  }

  /** What keeps calls from being answered now, if anything does. Asks only when the latest was not, and not all the time. */
  async problem(): Promise<string | undefined> {
    if (this.#failure !== undefined && performance.now() - this.#askedAt > askAgainMs) {
      this.#askedAt = performance.now();
      await this.check().catch((error: SignalboxError) => {
        this.#failure = error;
      });
    }
    return this.#failure?.message;
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
    throw notDurable(`${FunctionName}:${Qualifier}`);
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
    const loaded = await this.#ready();
    try {
      const answer = await call(loaded);
      this.#failure = undefined;
      return answer;
    } catch (error) {
      const { name } = error as { name?: string };
      const refusal = name === undefined ? undefined : refusals[name];
      if (refusal !== undefined) return refusal();
      const message = `AWS Lambda has refused: ${messageOf(error)}`;
      this.#failure = new SignalboxError('engine_unavailable', message, { cause: error });
      throw this.#failure;
    }
  }

  #ready() {
    this.#loaded ??= this.#load();
    return this.#loaded;
  }

  async #load() {
    const sdk = await import('@aws-sdk/client-lambda');
    return { sdk, client: this.#options.client ?? new sdk.LambdaClient({ requestHandler: patience }) };
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

const notDurable = (name: string) =>
  new SignalboxError(
    'config_invalid',
    `The Lambda function ${name} has started no durable execution. Give the name of a function that was created with a durable configuration.`,
  );

/** Names of errors at which waiting does not help, and what does. */
const advice: Readonly<Record<string, string>> = {
  ResourceNotFoundException:
    'Set SIGNALBOX_LAMBDA_FUNCTION to a function of this region, with its version or alias.',
  CredentialsProviderError:
    'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile, or a role of the machine.',
  UnrecognizedClientException: 'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to a key that AWS knows.',
  InvalidSignatureException: 'Set AWS_SECRET_ACCESS_KEY to the secret of AWS_ACCESS_KEY_ID.',
  ExpiredTokenException: 'Set AWS_SESSION_TOKEN, with its key and secret, to one that is still good.',
};

/** Throws `config_invalid` for what will not get better by itself. */
function whatIsWrong(error: unknown, functionName: string): { message: string; isAway: boolean } {
  const { name = '' } = error as { name?: string };
  const message = messageOf(error).replace(/\.?$/, '.');
  const found = /^Region (is missing|not accepted)/.test(message)
    ? 'Set AWS_REGION to the region of the function.'
    : advice[name];
  const said = `The Lambda function ${functionName} cannot be used: ${message}`;
  if (found !== undefined) throw new SignalboxError('config_invalid', `${said} ${found}`, { cause: error });
  if (name === 'AccessDeniedException') {
    const seen = `Whether the Lambda function ${functionName} is there was not looked at (lambda:GetFunctionConfiguration): ${message}`;
    return { message: seen, isAway: false };
  }
  return { message: `The Lambda function ${functionName} could not be looked at: ${message}`, isAway: true };
}
