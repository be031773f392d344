import type { JsonObject } from '../../core/json.ts';

/** Whether the objects take anything now, as far as is known. */
export interface ObjectsGate {
  /** For how long they take nothing for certain; undefined where they may. */
  shutForMs(): number | undefined;
}

/** For about a week, and far from the limit of the journal; after that exports are tried in spite of it. */
export const exportHoldLimit = 200;

const firstHoldMs = 60_000;
const longestHoldMs = 3_600_000;

/** At most so many of those that wait look again in a second: what that costs does not grow with their number. */
const looksPerSecond = 200;

/**
 * How long an export waits for objects that are away: until they may be back, then longer up to an hour. The more wait, the wider they are spread,
 * so that they do not all come at once.
 */
export function exportHoldMs(of: {
  readonly shutForMs: number;
  /** How often it has waited. */
  readonly holds: number;
  /** How many wait. */
  readonly waiting: number;
  /** From 0 to 1. */
  readonly random: number;
}): number {
  const grownMs = of.holds === 0 ? 0 : Math.min(longestHoldMs, firstHoldMs * 1.5 ** Math.min(of.holds, 20));
  return spread(Math.max(of.shutForMs, grownMs), of);
}

const spread = (ownMs: number, { waiting, random }: { waiting: number; random: number }): number =>
  Math.ceil(ownMs + random * ((waiting * 1_000) / looksPerSecond + ownMs / 5));

export interface Held extends JsonObject {
  readonly heldMs: number;
}

/** The exports that this process has told to wait, as a number: they are in the journal. */
export class HeldExports {
  readonly #gate: ObjectsGate | undefined;
  #waiting = 0;

  constructor(gate?: ObjectsGate) {
    this.#gate = gate;
  }

  /** Tells an export how long to wait, which has waited so often, after what has happened to it now, if anything; undefined when it need not. */
  hold(holds: number, failure?: unknown): Held | undefined {
    if (holds >= exportHoldLimit) return undefined;
    const shutForMs = this.#gate?.shutForMs();
    const refusedMs = refusedForMs(failure);
    if (shutForMs === undefined && refusedMs === undefined) return undefined;
    this.#waiting += 1;
    const place = { waiting: this.#waiting, random: Math.random() };
    if (shutForMs !== undefined) return { heldMs: exportHoldMs({ shutForMs, holds, ...place }) };
    // They are being tried just now.
    return { heldMs: spread(refusedMs!, place) };
  }

  /** One has waited, told by this process or an earlier one. */
  looksAgain(): void {
    this.#waiting = Math.max(0, this.#waiting - 1);
  }
}

/** Refused without having been tried: another time is said. */
function refusedForMs(failure: unknown): number | undefined {
  const { code, retryAfterMs } = (failure ?? {}) as { code?: unknown; retryAfterMs?: number };
  return code === 'storage_failed' ? retryAfterMs : undefined;
}
