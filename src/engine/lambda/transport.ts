import type {
  CheckpointDurableExecutionRequest,
  CheckpointDurableExecutionResponse,
  DurableExecutionClient,
  DurableExecutionInvocationInput,
  GetDurableExecutionStateRequest,
  GetDurableExecutionStateResponse,
  WireOperation,
} from '@aws/durable-execution-sdk-js';
import type { Journal } from './journal.ts';
import { pauseLabel } from './labels.ts';

/** The way of one invocation to AWS, which also shows us what goes by: the SDK keeps the journal to itself. */
export class Transport implements DurableExecutionClient {
  readonly #client: DurableExecutionClient;
  readonly #arn: string;
  #token: string;
  #journal: Journal | undefined;

  constructor(
    client: DurableExecutionClient,
    { DurableExecutionArn: arn, CheckpointToken: token }: Invocation,
  ) {
    this.#client = client;
    this.#arn = arn;
    this.#token = token;
  }

  /** All operations of the execution; AWS hands over the first page with the invocation. */
  async load({ InitialExecutionState: initial }: DurableExecutionInvocationInput): Promise<WireOperation[]> {
    const operations = [...initial.Operations];
    let marker = initial.NextMarker;
    while (marker) {
      const page = await this.#client.getExecutionState({
        ...{ DurableExecutionArn: this.#arn, CheckpointToken: this.#token },
        ...{ Marker: marker, MaxItems: 1_000 },
      });
      operations.push(...(page.Operations ?? []));
      marker = page.NextMarker ?? '';
    }
    return operations;
  }

  /** Notes in this journal what AWS answers from now on. */
  follow(journal: Journal): void {
    this.#journal = journal;
  }

  /** Without the SDK's logger: what an invocation fails with is told once, by who made it. */
  async checkpoint(request: CheckpointDurableExecutionRequest): Promise<CheckpointDurableExecutionResponse> {
    const response = await this.#client.checkpoint({ ...request, CheckpointToken: this.#token });
    this.#token = response.CheckpointToken ?? this.#token;
    this.#journal?.update(response.NewExecutionState?.Operations ?? []);
    return response;
  }

  getExecutionState(request: GetDurableExecutionStateRequest): Promise<GetDurableExecutionStateResponse> {
    return this.#client.getExecutionState(request);
  }

  /** Opens a callback that wakes the execution again, beside the operations of the SDK; returns its id. */
  async openPause(number: number): Promise<string> {
    const id = `paused-${number}`;
    const update = {
      Id: id,
      Type: 'CALLBACK',
      SubType: 'Callback',
      Action: 'START',
      Name: pauseLabel,
    } as const;
    const { NewExecutionState: state } = await this.checkpoint({
      ...{ DurableExecutionArn: this.#arn, CheckpointToken: this.#token, Updates: [update] },
    });
    const opened = state?.Operations?.find((operation) => operation.Id === id);
    const callbackId = opened?.CallbackDetails?.CallbackId;
    if (callbackId === undefined) throw new Error('AWS has opened no callback for a paused run.');
    return callbackId;
  }
}

type Invocation = Pick<DurableExecutionInvocationInput, 'DurableExecutionArn' | 'CheckpointToken'>;
