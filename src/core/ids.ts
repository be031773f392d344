import { randomFillSync } from 'node:crypto';

// Asking the system for a few bytes at a time takes longer than everything else that an id needs.
const pool = Buffer.allocUnsafe(4_096);
let poolOffset = pool.length;

/** A view of random bytes that nobody else gets. At most 4,096. */
function randomBytes(count: number): Buffer {
  if (poolOffset + count > pool.length) {
    randomFillSync(pool);
    poolOffset = 0;
  }
  poolOffset += count;
  return pool.subarray(poolOffset - count, poolOffset);
}

/** A UUID version 7 (RFC 9562, section 5.7): 48 bits of milliseconds and 74 random bits; ids sort by time. */
export function uuidv7(nowMs: number = Date.now()): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(nowMs, 0, 6);
  bytes[6] = (bytes[6]! & 0x0f) | 0x70;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return formatUuid(bytes);
}

/** The milliseconds since the epoch in a UUID version 7. */
export function timeOfUuidv7(uuid: string): number {
  return Number.parseInt(uuid.slice(0, 13).replace('-', ''), 16);
}

/** The 8-4-4-4-12 form of 16 bytes. */
export function formatUuid(bytes: Buffer): string {
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

export function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(text);
}

const suffixes = 0x1_00_00_00;
// An odd stride goes through all of them before one comes again; of its own in each process, so that no two go along together.
const stride = randomBytes(3).readUIntBE(0, 3) | 1;
let suffix = randomBytes(3).readUIntBE(0, 3);

/** Six hexadecimal digits, which this process gives again after 16,777,216 others: drawn at random, some would be the same within a minute of load. */
export function nextSuffix(): string {
  suffix = (suffix + stride) % suffixes;
  return suffix.toString(16).padStart(6, '0');
}
