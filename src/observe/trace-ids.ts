import { remoteOf, type Traced, traceIdOf } from '../core/trace-context.ts';

/** The traces of senders' own that are remembered; those of others follow from the tracking id. */
const remembered = 10_000;

/** In which trace a conversation is, for log lines. */
export class TraceIds {
  readonly #given = new Map<string, string>();

  /** Remembers a trace that a sender gave. */
  note({ trackingId, ...sender }: Traced): void {
    const given = remoteOf(sender)?.traceId;
    if (trackingId === undefined || given === undefined || this.#given.has(trackingId)) return;
    this.#given.set(trackingId, given);
    if (this.#given.size > remembered) this.#given.delete(this.#given.keys().next().value!);
  }

  of(trackingId: string): string {
    return this.#given.get(trackingId) ?? traceIdOf({ trackingId }, trackingId);
  }
}
