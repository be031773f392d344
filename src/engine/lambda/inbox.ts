import { randomUUID } from 'node:crypto';
import type { Json } from '../../core/json.ts';
import type { SignalOptions, SignalOutcome } from '../engine.ts';
import { change, type Records } from '../records.ts';
import type { LambdaApi } from './api.ts';
import { type InboxRecord, listFor, recordKeys } from './messages.ts';

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
  readonly #now: () => number;

  constructor(records: Records, api: LambdaApi, now: () => number) {
    this.#records = records;
    this.#api = api;
    this.#now = now;
  }

  /** A run waits. It says so again in each invocation, which mends what a sender has left half done. */
  async offer(place: Place, callback: string): Promise<void> {
    const { runId, name, occurrence } = place;
    const record = await this.#change(place, (present) =>
      present?.closed || present?.callback === callback ? undefined : { ...present, callback },
    );
    if (occurrence > 1) {
      const dueAt = lookAgainAt(this.#now());
      await change<number>(this.#records, recordKeys.waiting(runId, name), (present = 1) =>
        present >= occurrence ? undefined : { value: occurrence, dueAt },
      );
    }
    if (record !== undefined) await this.#complete(place, record);
  }

  /** The time of a wait is over; AWS has said so. */
  async close(place: Place): Promise<void> {
    await this.#change(place, (present) => {
      const { value: _value, callback: _callback, ...whose } = present ?? {};
      return present?.closed ? undefined : { ...whose, closed: true };
    });
  }

  async send(signal: Signal, { occurrence, key }: SignalOptions, timedOut: TimedOut): Promise<SignalOutcome> {
    const { runId, name, payload } = signal;
    const put = { value: { payload }, sender: randomUUID(), ...(key !== undefined && { key }) };
    // A key may stand at any wait that there was.
    const first = key === undefined ? await this.#firstWaiting(runId, name) : 1;
    for (let at = occurrence ?? first; ; at++) {
      const place = { runId, name, occurrence: at };
      const { record, isMine } = await this.#put(place, put);
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

  /** Whose it is stands in the record, because a write whose answer got lost is decided a second time. */
  async #put(place: Place, put: InboxRecord): Promise<{ record: InboxRecord; isMine: boolean }> {
    const record = await this.#change(place, (present) =>
      present?.closed || present?.value !== undefined ? undefined : { ...present, ...put },
    );
    return { record: record!, isMine: record!.sender === put.sender };
  }

  #change(
    place: Place,
    decide: (present: InboxRecord | undefined) => InboxRecord | undefined,
  ): Promise<InboxRecord | undefined> {
    const dueAt = lookAgainAt(this.#now());
    return change<InboxRecord>(this.#records, keyOf(place), (present) => {
      const value = decide(present);
      return value && { value, dueAt, list: listFor(place.runId) };
    });
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

/** When to look whether there is still a run that may want it. */
export const lookAgainAt = (now: number): number => now + 30 * 86_400_000;
