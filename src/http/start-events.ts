import { createHash } from 'node:crypto';
import type { StartedRun } from '../engine/engine.ts';
import type { ReceivedEvent } from '../inbound/receive.ts';
import type { Source } from '../inbound/source.ts';
import { type Door, throughDoor } from './door.ts';
import { type Startables, startableOf } from './startables.ts';

/** As long as senders go on sending a delivery again (Stripe: three days), and a little more. */
const keptMs = 7 * 24 * 3_600_000;

export interface EventArrival {
  readonly now: number;
  /** By `performance.now()`. */
  readonly receivedAt: number;
  readonly sizeBytes: number;
  readonly door?: Door;
}

/** Starts what the source starts with an event, once for each key of the event. */
export function startEvent(
  startables: Startables,
  source: Source,
  { input, eventType, key, trace }: ReceivedEvent,
  arrival: EventArrival,
): Promise<StartedRun> {
  return startableOf(startables, source.starts).start(input, {
    system: source.name,
    process: eventType ?? 'webhook',
    ...throughDoor(arrival, { trace }),
    ...(key !== undefined && { idempotency: idempotencyOf(source, key, arrival.now) }),
  });
}

/** The length keeps names and keys apart. A key of any length becomes one of the same length. */
function idempotencyOf(source: Source, key: string, now: number) {
  return {
    key: `source:${source.name.length}:${source.name}:${createHash('sha256').update(key).digest('hex')}`,
    // A delivery is known by its id alone: what a sender sends again under it is answered as the first one was.
    fingerprint: source.name,
    expiresAt: now + keptMs,
  };
}
