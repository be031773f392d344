import type { Json } from '../../core/json.ts';
import type { SignalOptions, SignalOutcome } from '../engine.ts';
import type { LambdaApi } from './api.ts';
import { type InboxRecord, recordKeys } from './messages.ts';
import { change, type Records } from './records.ts';

/** Whether the wait on a signal of a run timed out, as its journal has it. */
export type TimedOut = (runId: string, name: string, occurrence: number) => Promise<boolean>;

interface Signal {
  readonly runId: string;
  readonly name: string;
  readonly payload: Json;
}

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
      present?.closed
        ? undefined
        : { value: { closed: true, ...(present?.key !== undefined && { key: present.key }) } },
    );
  }

  async send(signal: Signal, { occurrence, key }: SignalOptions, timedOut: TimedOut): Promise<SignalOutcome> {
    const { runId, name } = signal;
    // A key may stand at any wait that there was.
    const first = key === undefined ? await this.#firstWaiting(runId, name) : 1;
    for (let at = occurrence ?? first; ; at++) {
      const place = { runId, name, occurrence: at };
      const { record, isMine } = await this.#put(place, { ...signal, ...(key !== undefined && { key }) });
      if (isMine && record.callback === undefined) return 'kept';
      const completed = await this.#complete(place, record);
      if (isMine && (completed || !(await timedOut(runId, name, at)))) return 'delivered';
      const isAgain = !isMine && key !== undefined && record.key === key;
      // A value that came too late for this wait went on to a later one.
      const tooLate = isAgain && record.closed === true && (await timedOut(runId, name, at));
      if (occurrence !== undefined || (isAgain && !tooLate)) return 'duplicate';
    }
  }

  /** Whether a value with this key was sent. */
  async knows(runId: string, name: string, key: string): Promise<boolean> {
    for (let occurrence = 1; ; occurrence++) {
      const record = await this.#records.read(keyOf({ runId, name, occurrence }));
      if (record?.value === undefined) return false;
      if ((record.value as InboxRecord).key === key) return true;
    }
  }

  async #firstWaiting(runId: string, name: string): Promise<number> {
    const record = await this.#records.read(recordKeys.waiting(runId, name));
    return (record?.value as number | undefined) ?? 1;
  }

  async #put(
    place: Place,
    { payload, key }: { readonly payload: Json; readonly key?: string },
  ): Promise<{ record: InboxRecord; isMine: boolean }> {
    let isMine = false;
    const record = await change<InboxRecord>(this.#records, keyOf(place), (present) => {
      isMine = present?.closed !== true && present?.value === undefined;
      if (!isMine) return undefined;
      return { value: { ...present, value: { payload }, ...(key !== undefined && { key }) } };
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
