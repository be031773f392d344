import type { Json } from '../../core/json.ts';
import type { SignalOutcome } from '../engine.ts';
import type { LambdaApi } from './api.ts';
import { type InboxRecord, recordKeys } from './messages.ts';
import { change, type Records } from './records.ts';

/** Whether the wait on a signal of a run timed out, as its journal has it. */
export type TimedOut = (runId: string, name: string, occurrence: number) => Promise<boolean>;

interface Place {
  readonly runId: string;
  readonly name: string;
  readonly occurrence: number;
}

/**
 * Named and early signals, of which AWS knows nothing: it has callbacks with an id. One record for each wait. The run writes the
 * id of its callback, the sender the value; whoever finds what the other has written completes the callback. Both write before
 * they look, in one step of the record, so that no value is lost between them, and only one of them completes.
 */
export class Inbox {
  readonly #records: Records;
  readonly #api: LambdaApi;

  constructor(records: Records, api: LambdaApi) {
    this.#records = records;
    this.#api = api;
  }

  /** A run waits. It says so again in each invocation, which mends what a sender has left half done. */
  async offer(place: Place, callback: string): Promise<void> {
    const { runId, name, occurrence } = place;
    const record = await change<InboxRecord>(this.#records, keyOf(place), (present) =>
      present?.closed || present?.callback === callback ? undefined : { value: { ...present, callback } },
    );
    if (occurrence > 1) {
      await change<number>(this.#records, recordKeys.waiting(runId, name), (present = 1) =>
        present >= occurrence ? undefined : { value: occurrence },
      );
    }
    if (record !== undefined) await this.#complete(place, record);
  }

  /** The time of a wait is over; AWS has said so. */
  async close(place: Place): Promise<void> {
    await change<InboxRecord>(this.#records, keyOf(place), (present) =>
      present?.closed ? undefined : { value: { closed: true } },
    );
  }

  async send(
    signal: { readonly runId: string; readonly name: string; readonly payload: Json },
    occurrence: number | undefined,
    timedOut: TimedOut,
  ): Promise<SignalOutcome> {
    const { runId, name, payload } = signal;
    for (let at = occurrence ?? (await this.#firstWaiting(runId, name)); ; at++) {
      const place = { runId, name, occurrence: at };
      const { record, isMine } = await this.#put(place, payload);
      if (isMine && record.callback === undefined) return 'kept';
      const completed = await this.#complete(place, record);
      if (isMine && (completed || !(await timedOut(runId, name, at)))) return 'delivered';
      if (occurrence !== undefined) return 'duplicate';
    }
  }

  async #firstWaiting(runId: string, name: string): Promise<number> {
    const record = await this.#records.read(recordKeys.waiting(runId, name));
    return (record?.value as number | undefined) ?? 1;
  }

  async #put(place: Place, payload: Json): Promise<{ record: InboxRecord; isMine: boolean }> {
    let isMine = false;
    const record = await change<InboxRecord>(this.#records, keyOf(place), (present) => {
      isMine = present?.closed !== true && present?.value === undefined;
      return isMine ? { value: { ...present, value: { payload } } } : undefined;
    });
    return { record: record!, isMine };
  }

  /** Gives the callback the value that is there, if both are. Returns whether this was the first to do so. */
  async #complete(place: Place, { callback, value, closed }: InboxRecord): Promise<boolean> {
    if (callback === undefined || value === undefined || closed) return false;
    const outcome = await this.#api.completeCallback(callback, JSON.stringify(value.payload));
    await this.close(place);
    return outcome === 'completed';
  }
}

const keyOf = ({ runId, name, occurrence }: Place): string => recordKeys.inbox(runId, name, occurrence);
