import type { LambdaApi } from './api.ts';
import type { ControlMessage, RunRecord, RunRequest } from './messages.ts';
import type { RunRecords } from './run-records.ts';

/** What a gateway and a run do alike to runs: start one, ask one to cancel itself. */
export class Executions {
  readonly #api: LambdaApi;
  readonly #runs: RunRecords;

  constructor(api: LambdaApi, runs: RunRecords) {
    this.#api = api;
    this.#runs = runs;
  }

  /**
   * Starts a run under its id: accepted with this. The record follows, and the run writes it too, should this process end
   * here. A start that is repeated finds itself.
   */
  async start(request: RunRequest): Promise<{ record: RunRecord; created: boolean }> {
    const { arn } = await this.#api.start(request.runId, JSON.stringify(request));
    return this.#runs.noteStarted(request, arn);
  }

  /** Asks a run to cancel itself. Whichever comes last, this or the run's note of its callback, completes that. */
  async cancel(runId: string, reason: string): Promise<RunRecord> {
    const record = await this.#runs.change(runId, ({ cancelReason }) =>
      cancelReason === undefined ? { cancelReason: reason } : undefined,
    );
    await this.passOnCancel(record);
    return record;
  }

  /** A paused run hears of it when it is resumed. */
  async passOnCancel({ control, cancelReason, status }: RunRecord): Promise<void> {
    if (control === undefined || cancelReason === undefined || status === 'paused') return;
    const message: ControlMessage = { cancel: cancelReason };
    await this.#api.completeCallback(control, JSON.stringify(message));
  }
}
