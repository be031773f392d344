import { createHash } from 'node:crypto';
import { formatUuid } from '../core/ids.ts';

/** Numbers and ids that depend on nothing but the run and how many were taken before. */
export class DeterministicSource {
  readonly #runId: string;
  #taken = 0;

  constructor(runId: string) {
    this.#runId = runId;
  }

  /** From 0 to 1, with 48 bits. */
  random(): number {
    return this.#next().readUIntBE(0, 6) / 2 ** 48;
  }

  /** A UUID of version 4 (RFC 9562, section 5.4). */
  uuid(): string {
    const bytes = this.#next().subarray(0, 16);
    bytes[6] = (bytes[6]! & 0x0f) | 0x40;
    bytes[8] = (bytes[8]! & 0x3f) | 0x80;
    return formatUuid(bytes);
  }

  #next(): Buffer {
    return createHash('sha256')
      .update(`${this.#runId}:${this.#taken++}`)
      .digest();
  }
}
