import type { DurableContext } from '@aws/durable-execution-sdk-js';
import type { Journal } from './journal.ts';
import { controlLabel, orderLabel } from './labels.ts';
import type { OrderRecord, StepRecord } from './messages.ts';

/** What an entry has ended with. */
export interface Arrival {
  /** Of a step. */
  readonly record?: StepRecord;
  /** Of a callback: the text that it was completed with. */
  readonly payload?: string;
  readonly timedOut?: boolean;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

interface Entry {
  readonly name: string;
  readonly isStep: boolean;
  readonly arrived: (arrival: Arrival) => void | Promise<void>;
  arrival?: Arrival;
}

interface EntriesListener {
  /** Something may have come. */
  onRing(): void;
  onTooMany(): void;
}

/** Failed attempts are entries of our own. */
const noRetryInAws = { retryStrategy: () => ({ shouldRetry: false }) };

/** Of a run, AWS takes 3,000 operations; the rest is for what is not counted in advance. */
const mostEntries = 2_990;

/**
 * The operations in AWS that a run waits for, told to the flow one at a time and in the same order at every replay. AWS keeps no
 * such order: on a replay everything that has ended is there at once. So:
 *
 * - Steps carry a number in their result and are told in the order of these.
 * - What ends outside (a wait, a callback) needs no order while the run waits for nothing else. Otherwise an `order` step is
 *   written before it is told; its name says how much had been told before.
 *
 * So, on a replay, what is next is the `order` step for what has been told so far, if there is one; else the only thing that is
 * open, if that is not a step; else the step with the lowest number.
 */
export class Entries {
  readonly #journal: Journal;
  readonly #context: DurableContext;
  readonly #on: EntriesListener;
  readonly #open = new Map<string, Entry>();
  readonly #called = new Set<string>();
  readonly #unsettled = new Set<number>();
  readonly #caughtUp = Promise.withResolvers<void>();
  #bell = Promise.withResolvers<void>();
  #queue: string[] = [];
  #delivered = 0;
  #nextEndedStep = 0;
  #nextOrderStep = 0;
  readonly #uncalled: Set<string>;
  #nextOrder: number;
  #count = 0;

  constructor(journal: Journal, context: DurableContext, on: EntriesListener) {
    this.#journal = journal;
    this.#context = context;
    this.#on = on;
    this.#uncalled = new Set(journal.recorded);
    this.#nextOrder = (journal.endedSteps.at(-1)?.order ?? -1) + 1;
  }

  /** Resolves once what AWS had at the beginning of this invocation has been told. */
  get caughtUp(): Promise<void> {
    return this.#caughtUp.promise;
  }

  /** The first entry that AWS has and that was not called up to now: the flow has been further than this before. */
  get uncalled(): string | undefined {
    return this.#uncalled.values().next().value;
  }

  /** Whether something is still to come that has ended already. */
  isAboutToArrive(): boolean {
    return [...this.#open.keys()].some((name) => this.#journal.hasEnded(name));
  }

  /** Makes a step; `durable` is told when AWS has it, before its turn. Returns how to wait for it no longer. */
  addStep(
    name: string,
    work: () => Promise<Omit<StepRecord, 'order'>>,
    arrived: Entry['arrived'],
    durable: () => void = () => {},
  ): () => void {
    const entry = this.#add({ name, isStep: true, arrived });
    if (entry === undefined) return () => {};
    const step = this.#context.step(
      name,
      async (): Promise<StepRecord> => {
        const record = await work();
        const order = this.#nextOrder++;
        this.#unsettled.add(order);
        return { order, ...record };
      },
      noRetryInAws,
    );
    this.#watch(entry, step, (record) => {
      this.#unsettled.delete(record.order);
      durable();
      return { record, at: record.endedAt };
    });
    return this.#forgetter(entry);
  }

  addWait(name: string, seconds: number, arrived: Entry['arrived']): () => void {
    const entry = this.#add({ name, isStep: false, arrived });
    if (entry === undefined) return () => {};
    this.#watch(entry, this.#context.wait(name, { seconds }), () => ({ at: this.#endedAt(name) }));
    return this.#forgetter(entry);
  }

  /** Opens a callback; `opened` is told its id, at every replay. */
  addCallback(
    name: string,
    timeoutSeconds: number | undefined,
    opened: (callbackId: string) => void,
    arrived: Entry['arrived'],
  ): () => void {
    const entry = this.#add({ name, isStep: false, arrived });
    if (entry === undefined) return () => {};
    const config = timeoutSeconds === undefined ? {} : { timeout: { seconds: timeoutSeconds } };
    const created = Promise.resolve(this.#context.createCallback(name, config));
    void created.then(([, id]) => opened(id));
    this.#watch(entry, outcomeOf(created), (outcome) => ({ ...outcome, at: this.#endedAt(name) }));
    return this.#forgetter(entry);
  }

  #endedAt = (name: string): number => this.#journal.endedAt(name) ?? Date.now();

  #add(entry: Entry): Entry | undefined {
    if (!this.#take()) return undefined;
    this.#open.set(entry.name, entry);
    this.#called.add(entry.name);
    this.#uncalled.delete(entry.name);
    return entry;
  }

  #take(): boolean {
    this.#count += 1;
    if (this.#count > mostEntries) this.#on.onTooMany();
    return this.#count <= mostEntries;
  }

  #watch<T>(entry: Entry, ended: PromiseLike<T>, arrivalOf: (value: T) => Arrival): void {
    ended.then(
      (value) => {
        entry.arrival = arrivalOf(value);
        this.ring();
      },
      // Only when the SDK gives up: then the invocation ends with what it says.
      () => {},
    );
  }

  #forgetter(entry: Entry): () => void {
    return () => void this.#open.delete(entry.name);
  }

  /** Something has changed that `next` does not see by itself. */
  ring(): void {
    this.#on.onRing();
    this.#bell.resolve();
  }

  /** Tells the entry that is next, if one has come; returns whether. */
  async tell(): Promise<boolean> {
    const entry = await this.#due();
    if (entry === undefined) return false;
    this.#open.delete(entry.name);
    this.#delivered += 1;
    await entry.arrived(entry.arrival!);
    return true;
  }

  /** Waits until something may have come. */
  async rung(): Promise<void> {
    await this.#bell.promise;
  }

  async #due(): Promise<Entry | undefined> {
    this.#bell = Promise.withResolvers();
    for (;;) {
      const queued = this.#nextQueued();
      if (queued !== undefined) return queued;
      const recorded = this.#journal.orders[this.#nextOrderStep];
      const deliver = recorded?.after === this.#delivered ? recorded.deliver : this.#choose();
      if (deliver === undefined) break;
      if (!(await this.#writeOrder(deliver))) return undefined;
    }
    return this.#only() ?? this.#nextStep();
  }

  #nextQueued(): Entry | undefined {
    while (this.#queue.length > 0) {
      const entry = this.#open.get(this.#queue.shift()!);
      if (entry?.arrival !== undefined) return entry;
    }
    return undefined;
  }

  /** At the end of the journal: what has come from outside and needs an order. */
  #choose(): string[] | undefined {
    if (!this.#isAtEnd() || this.#nextStep() !== undefined) return undefined;
    const arrived = [...this.#open.values()].filter(
      ({ isStep, arrival }) => !isStep && arrival !== undefined,
    );
    if (arrived.length === 0 || (arrived.length === 1 && this.#only() !== undefined)) return undefined;
    return arrived.map(({ name }) => name);
  }

  /** The same call at every replay: the SDK counts its operations. */
  async #writeOrder(deliver: readonly string[]): Promise<boolean> {
    if (!this.#take()) return false;
    const name = orderLabel(this.#nextOrderStep++);
    const record: OrderRecord = { after: this.#delivered, deliver };
    const step = this.#context.step(name, async () => record, noRetryInAws);
    this.#queue = [...(await step).deliver];
    return true;
  }

  /** The only thing that is open, if it is not a step and has come. */
  #only(): Entry | undefined {
    const control = this.#open.get(controlLabel);
    const others = this.#open.size - (control === undefined ? 0 : 1);
    if (others !== 1 || (control?.arrival !== undefined && this.#isAtEnd())) return undefined;
    const [only] = [...this.#open.values()].filter((entry) => entry !== control);
    return only!.isStep || only!.arrival === undefined ? undefined : only;
  }

  #nextStep(): Entry | undefined {
    const recorded = this.#nextRecorded();
    if (recorded !== undefined) {
      const entry = this.#open.get(recorded);
      return entry?.arrival === undefined ? undefined : entry;
    }
    let next: Entry | undefined;
    for (const entry of this.#open.values()) {
      const order = entry.arrival?.record?.order;
      if (order !== undefined && order < (next?.arrival?.record?.order ?? Infinity)) next = entry;
    }
    const order = next?.arrival?.record?.order ?? 0;
    return [...this.#unsettled].some((earlier) => earlier < order) ? undefined : next;
  }

  /** The first of the recorded steps that has not been told; those that nobody waits for any more are left out. */
  #nextRecorded(): string | undefined {
    for (; this.#nextEndedStep < this.#journal.endedSteps.length; this.#nextEndedStep++) {
      const { name } = this.#journal.endedSteps[this.#nextEndedStep]!;
      if (!this.#called.has(name) || this.#open.has(name)) return name;
    }
    return undefined;
  }

  #isAtEnd(): boolean {
    const isAtEnd =
      this.#queue.length === 0 &&
      this.#uncalled.size === 0 &&
      this.#nextOrderStep >= this.#journal.orders.length &&
      this.#nextRecorded() === undefined;
    if (isAtEnd) this.#caughtUp.resolve();
    return isAtEnd;
  }
}

async function outcomeOf(
  created: Promise<readonly [PromiseLike<string>, string]>,
): Promise<{ payload?: string; timedOut?: boolean }> {
  const [promise] = await created;
  try {
    return { payload: await promise };
  } catch {
    return { timedOut: true };
  }
}
