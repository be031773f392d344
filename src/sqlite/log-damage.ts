import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { SignalboxError } from '../core/errors.ts';

/** Where the log of a database is damaged, and what follows there. */
export interface LogDamage {
  /** As much of the log is whole: it ends with a commit. */
  readonly wholeBytes: number;
  /** Commits that follow the damaged one, and can't be read without what it destroyed. */
  readonly commitsAfter: number;
}

const headerBytes = 32;
const frameHeaderBytes = 24;
const framesAtOnce = 256;
/** Ours always have pages of that size; the header of a log, which says it too, may be what is damaged. */
const pageBytes = 4_096;
const frameBytes = frameHeaderBytes + pageBytes;
/**
 * A power failure takes at most what a start and one group have committed, because the next group waits for the sync of the one
 * before. So a commit that is torn can have another one behind it; with more, it had been synced.
 */
const commitsAfterTornOne = 1;

/** Two running sums over words of 32 bits (https://www.sqlite.org/fileformat2.html#walcksm). */
type Checksum = readonly [number, number];

/**
 * Looks whether the log of a database is damaged where it had been synced. SQLite takes the longest whole
 * prefix of commits for the log, which is right after a power failure, when only its end can be torn; it drops without a word what follows
 * a damage anywhere else (https://www.sqlite.org/fileformat2.html#walformat), and would overwrite it then. Undefined when nothing of that kind is seen:
 * that the end of a log is missing can't be. A log that is begun anew meanwhile is not judged.
 */
export function damageOfLog(path: string): LogDamage | undefined {
  const fd = openIfThere(path);
  if (fd === undefined) return undefined;
  try {
    return fstatSync(fd).size > headerBytes ? findDamage(fd) : undefined;
  } finally {
    closeSync(fd);
  }
}

/** Throws `storage_failed` for a database whose log is damaged where it had been synced; leaves it as it is. */
export function refuseDamagedLog(databasePath: string): void {
  const log = `${databasePath}-wal`;
  const damage = damageOfLog(log);
  if (damage === undefined) return;
  const { wholeBytes } = damage;
  throw new SignalboxError(
    'storage_failed',
    `${tellDamage(log, damage)}. Nothing was changed. Keep a copy of the data folder, and put back a backup (signalbox restore FILE --replace); or go on with what is before the damage: truncate -s ${wholeBytes} ${log}`,
    { retryable: false, details: { ...damage } },
  );
}

/** One line about it. */
export function tellDamage(log: string, { wholeBytes, commitsAfter }: LogDamage): string {
  return `The log ${log} is damaged after ${wholeBytes} bytes, and ${commitsAfter} commits that were accepted follow the damage`;
}

function findDamage(fd: number): LogDamage | undefined {
  const reader = new FrameReader(fd);
  let wholeBytes = 0;
  let isWhole = reader.headerIsWhole;
  /** Undefined up to the end of the commit that is damaged. */
  let commitsAfter = isWhole ? undefined : 0;
  for (const frame of reader.frames()) {
    isWhole &&= frame.follows;
    if (!frame.isCommit) continue;
    if (isWhole) wholeBytes = frame.endsAt;
    else if (commitsAfter === undefined) commitsAfter = 0;
    else if (frame.follows) commitsAfter += 1;
  }
  if (!reader.isSameLog()) return undefined;
  return (commitsAfter ?? 0) > commitsAfterTornOne ? { wholeBytes, commitsAfter: commitsAfter! } : undefined;
}

interface Frame {
  /** Whether it is whole, and was written after the one before it as that stands there. */
  readonly follows: boolean;
  readonly isCommit: boolean;
  /** Where it ends in the file. */
  readonly endsAt: number;
}

class FrameReader {
  readonly headerIsWhole: boolean;
  readonly #fd: number;
  readonly #header = Buffer.alloc(headerBytes);
  readonly #isBigEndian: boolean;
  /** As the frame before has it, whether or not that is right. */
  #before: Checksum;
  #salts: Buffer | undefined;

  constructor(fd: number) {
    this.#fd = fd;
    readSync(fd, this.#header, 0, headerBytes, 0);
    const magic = this.#header.readUInt32BE(0);
    this.#isBigEndian = magic === 0x377f0683;
    this.#before = checksumAt(this.#header, 24);
    const isKnown = magic === 0x377f0682 || this.#isBigEndian;
    this.headerIsWhole = isKnown && equal(this.#sum([0, 0], this.#header.subarray(0, 24)), this.#before);
    // What is left of an earlier use of the log has other salts.
    if (this.headerIsWhole) this.#salts = this.#header.subarray(16, 24);
  }

  /** Whether nobody has begun the log anew: its header is written first then. */
  isSameLog(): boolean {
    const header = Buffer.alloc(headerBytes);
    return readSync(this.#fd, header, 0, headerBytes, 0) === headerBytes && header.equals(this.#header);
  }

  *frames(): Generator<Frame> {
    const chunk = Buffer.alloc(framesAtOnce * frameBytes);
    for (let at = headerBytes; ; at += chunk.length) {
      const size = readSync(this.#fd, chunk, 0, chunk.length, at);
      for (let start = 0; start + frameBytes <= size; start += frameBytes) {
        yield this.#frame(chunk.subarray(start, start + frameBytes), at + start + frameBytes);
      }
      if (size < chunk.length) return;
    }
  }

  #frame(bytes: Buffer, endsAt: number): Frame {
    const recorded = checksumAt(bytes, 16);
    this.#salts ??= Buffer.from(bytes.subarray(8, 16));
    const isOfThisLog = this.#salts.equals(bytes.subarray(8, 16));
    const follows =
      isOfThisLog &&
      equal(this.#sum(this.#sum(this.#before, bytes.subarray(0, 8)), bytes.subarray(24)), recorded);
    this.#before = recorded;
    return { follows, isCommit: bytes.readUInt32BE(4) !== 0, endsAt };
  }

  #sum([first, second]: Checksum, bytes: Buffer): Checksum {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const isLittleEndian = !this.#isBigEndian;
    let [a, b] = [first, second];
    for (let at = 0; at < bytes.length; at += 8) {
      a = (a + view.getUint32(at, isLittleEndian) + b) | 0;
      b = (b + view.getUint32(at + 4, isLittleEndian) + a) | 0;
    }
    return [a >>> 0, b >>> 0];
  }
}

function checksumAt(bytes: Buffer, at: number): Checksum {
  return [bytes.readUInt32BE(at), bytes.readUInt32BE(at + 4)];
}

function equal([a, b]: Checksum, [c, d]: Checksum): boolean {
  return a === c && b === d;
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
