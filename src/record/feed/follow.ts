import type { RecordedEvent } from '../events.ts';
import type { EventLog, EventSelection, LoggedEvent } from './event-log.ts';
import { isSelected, statusAfter } from './selection.ts';
import type { LogTail } from './tail.ts';

/** What following all conversations needs of the store. */
export interface LogReader extends EventLog {
  events(trackingId: string, afterSequence?: number, limit?: number): Promise<readonly RecordedEvent[]>;
}

/** What comes next: events that are wanted, in order, and the place up to which there are no others. */
export interface LogPiece {
  readonly events: readonly LoggedEvent[];
  readonly position: number;
  /** Nothing came after it at that moment. */
  readonly isEnd: boolean;
}

/** What a follower holds at most while its reader does not read; a single event may be larger. */
const pieceBytes = 32_768;

/**
 * The events of all conversations after a number, those that are there and those that come, each once and in order, until `signal` is
 * aborted. A slow reader holds one piece in memory, and is given the next one from the log if it is far behind by then. Throws what the
 * store throws.
 */
export async function* followLog(
  of: { readonly store: LogReader; readonly tail: LogTail },
  selection: EventSelection,
  options: { readonly after: number; readonly signal: AbortSignal },
): AsyncGenerator<LogPiece> {
  const { signal } = options;
  let position = options.after;
  const leave = of.tail.join();
  const { promise: aborted, resolve: onAbort } = Promise.withResolvers<void>();
  signal.addEventListener('abort', () => onAbort(), { once: true });
  try {
    while (!of.tail.hasBegun && !signal.aborted) await Promise.race([of.tail.news(), aborted]);
    while (!signal.aborted) {
      // Asked for before it is looked, so that nothing comes between.
      const news = of.tail.news();
      const piece = await nextPiece(of, selection, position, signal);
      const moved = piece.position > position;
      position = piece.position;
      if (moved) yield piece;
      if (piece.isEnd) await Promise.race([news, aborted]);
    }
  } finally {
    leave();
  }
}

async function nextPiece(
  { store, tail }: { readonly store: LogReader; readonly tail: LogTail },
  selection: EventSelection,
  position: number,
  signal: AbortSignal,
): Promise<LogPiece> {
  const page =
    tail.after(position, pieceBytes) ??
    (await tail.read(position, { ...fixedOf(selection), sizeBytes: pieceBytes }, signal));
  return { ...page, events: await selectEvents(store, page.events, selection) };
}

/** Those of a page of the log that are wanted. */
export async function selectEvents(
  store: Pick<LogReader, 'events'>,
  events: readonly LoggedEvent[],
  selection: EventSelection,
): Promise<readonly LoggedEvent[]> {
  const selected = events.filter((each) => isSelected(each, selection));
  const { status } = selection;
  if (status === undefined) return selected;
  const told = await Promise.all(selected.map((each) => statusOf(store, each.event)));
  return selected.filter((_, at) => told[at] === status);
}

/** Once for all who ask: an event is the same object for those who follow the tail. */
const statuses = new WeakMap<RecordedEvent, Promise<string | undefined>>();

function statusOf(store: Pick<LogReader, 'events'>, event: RecordedEvent): Promise<string | undefined> {
  const known = statuses.get(event);
  if (known !== undefined) return known;
  const found = store
    .events(event.trackingId, 0, 10_000)
    .then((events) => statusAfter(events, event.sequence));
  statuses.set(event, found);
  found.catch(() => statuses.delete(event));
  return found;
}

/** What the log itself is asked for. */
export function fixedOf({ types, sourceSystem, sourceProcess, account }: EventSelection) {
  return {
    ...(types !== undefined && { types }),
    ...(sourceSystem !== undefined && { sourceSystem }),
    ...(sourceProcess !== undefined && { sourceProcess }),
    ...(account !== undefined && { account }),
  };
}
