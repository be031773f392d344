/**
 * What this engine asks of AWS: the part of the Lambda API that is about durable executions
 * (https://docs.aws.amazon.com/lambda/latest/api/). Throws `engine_unavailable` when it does not answer.
 */
export interface LambdaApi {
  /**
   * Starts an execution under a name, which is unique while AWS keeps it: the same name with the same payload is the same
   * execution. Resolves once AWS has it. Throws `conflict` when the name has been used with another payload.
   */
  start(name: string, payload: string): Promise<{ readonly arn: string }>;

  /** Gives a callback its value, unless it has one already or is no more. */
  completeCallback(callbackId: string, result: string): Promise<'completed' | 'closed'>;

  /** Ends an execution; one that has ended stays as it is. */
  stop(arn: string, error: ApiError): Promise<void>;

  /** Undefined when AWS does not keep it, or not any more. */
  get(arn: string): Promise<ExecutionState | undefined>;

  /** What happened in an execution, in order; empty when AWS does not keep it any more. */
  history(arn: string): Promise<readonly ExecutionEvent[]>;
}

export interface ApiError {
  readonly type: string;
  readonly message: string;
  /** JSON. */
  readonly data?: string;
}

export type ExecutionStatus = 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'TIMED_OUT' | 'STOPPED';

export interface ExecutionState {
  readonly status: ExecutionStatus;
  readonly endedAt?: number;
  readonly error?: ApiError;
}

/** An entry of the history: an operation of AWS has begun or ended. */
export interface ExecutionEvent {
  readonly kind: 'step' | 'wait' | 'callback';
  readonly change: 'started' | 'succeeded' | 'failed' | 'timed out';
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Of a step or a callback that succeeded. */
  readonly result?: string;
  /** When a wait ends, or the time of a callback is over. */
  readonly dueAt?: number;
}
