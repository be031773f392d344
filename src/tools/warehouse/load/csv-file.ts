import { createReadStream, createWriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { SignalboxError } from '../../../core/errors.ts';
import { type CsvRecord, CsvScanner, parseRecord, readInPieces, writeRecord } from './csv-scan.ts';

/** A row that could not be loaded. `record` is what stood in the file. */
export interface RejectedRow {
  readonly line: number;
  readonly reason: string;
  readonly record: string;
}

/** A CSV file that DuckDB reads to exactly the rows that are counted here. */
export interface CsvFile {
  readonly path: string;
  /** Between the cells of what is read. */
  readonly readDelimiter: string;
  /** The text as it came, in UTF-8, and the delimiter in it. */
  readonly textPath: string;
  readonly delimiter: string;
  readonly headings: readonly string[];
  /** The line of each row, in order. */
  readonly lines: readonly number[];
  /** Rows that are no rows: another number of cells, broken quotes. */
  readonly rejected: readonly RejectedRow[];
  /** Whether the first line of the file is the headings. */
  readonly headingsFirst: boolean;
  readonly encoding: string;
}

/** `workPath` is where rewritten versions of the file may be put, with a suffix. */
export async function prepareCsv(path: string, workPath: string): Promise<CsvFile> {
  const encoding = await encodingOf(path);
  const source = encoding === 'utf-8' ? path : await transcode(path, encoding, `${workPath}.utf8.csv`);
  const { delimiter, columnCount } = await dialectOf(source);
  const scan = await scanFile(source, delimiter, columnCount);
  if (scan.headings === undefined)
    throw new SignalboxError(
      'file_unreadable',
      `${path} has no rows. Expected a line of headings and data below it.`,
    );
  const rest = {
    textPath: source,
    delimiter,
    encoding,
    headings: scan.headings,
    lines: scan.lines,
    rejected: scan.rejected,
  };
  if (scan.plain) return { ...rest, path: source, readDelimiter: delimiter, headingsFirst: true };
  const rewritten = `${workPath}.clean.csv`;
  await rewrite(source, rewritten, delimiter, columnCount);
  return { ...rest, path: rewritten, readDelimiter: ',', headingsFirst: false };
}

/** UTF-8 if it is, UTF-16 if it says so or looks so, else what spreadsheets on Windows write (Latin-1 is a part of it). */
async function encodingOf(path: string): Promise<'utf-8' | 'utf-16le' | 'utf-16be' | 'windows-1252'> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(4_096) });
    const utf16 = utf16Of(buffer.subarray(0, bytesRead));
    if (utf16 !== undefined) return utf16;
  } finally {
    await file.close();
  }
  const decoder = new TextDecoder('utf-8', { fatal: true });
  try {
    await readInPieces(path, (piece) => decoder.decode(piece, { stream: true }));
    decoder.decode();
    return 'utf-8';
  } catch {
    return 'windows-1252';
  }
}

/** By its mark; without one by the zeros of which the headings of such a file are half made. */
function utf16Of(start: Buffer): 'utf-16le' | 'utf-16be' | undefined {
  if (start.length < 2) return undefined;
  if (start.readUInt16BE() === 0xfffe) return 'utf-16le';
  if (start.readUInt16BE() === 0xfeff) return 'utf-16be';
  const zeros = [0, 0];
  for (const [at, byte] of start.entries()) if (byte === 0) zeros[at % 2]! += 1;
  const [even = 0, odd = 0] = zeros;
  if (Math.max(even, odd) < start.length * 0.3 || Math.min(even, odd) > start.length * 0.05) return undefined;
  return odd > even ? 'utf-16le' : 'utf-16be';
}

async function transcode(path: string, encoding: string, to: string): Promise<string> {
  const decoder = new TextDecoder(encoding);
  await pipeline(
    createReadStream(path),
    async function* (pieces: AsyncIterable<Buffer>) {
      for await (const piece of pieces) yield decoder.decode(piece, { stream: true });
      yield decoder.decode();
    },
    createWriteStream(to),
  );
  return to;
}

const delimiters = [',', ';', '\t', '|'] as const;
const sampleBytes = 256 * 1024;

/** The delimiter that cuts the first lines into equally many cells, and how many. */
async function dialectOf(path: string): Promise<{ delimiter: string; columnCount: number }> {
  const file = await open(path, 'r');
  const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(sampleBytes) });
  await file.close();
  const sample = buffer.subarray(0, bytesRead);
  const candidates = delimiters.map((delimiter) => {
    const counts = fieldCounts(sample, delimiter, bytesRead < sampleBytes);
    const usual = mostFrequent(counts);
    const share = counts.filter((count) => count === usual).length / Math.max(1, counts.length);
    return { delimiter, columnCount: usual, score: usual > 1 ? share + Math.min(usual, 50) / 100 : 0 };
  });
  return candidates.reduce((best, candidate) => (candidate.score > best.score ? candidate : best));
}

function fieldCounts(sample: Buffer, delimiter: string, isWhole: boolean): readonly number[] {
  const counts: number[] = [];
  const scanner = new CsvScanner(delimiter, (record) => {
    if (!record.blank) counts.push(record.fields);
  });
  scanner.write(sample);
  if (isWhole || counts.length === 0) scanner.finish();
  return counts.slice(0, 200);
}

function mostFrequent(counts: readonly number[]): number {
  const frequencies = [...Map.groupBy(counts, (count) => count)].map(
    ([count, all]) => [count, all.length] as const,
  );
  return frequencies.reduce((best, one) => (one[1] > best[1] ? one : best), [1, 0] as const)[0];
}

const textOf = (record: CsvRecord) => record.bytes.toString('utf8').replace(/\r$/, '');

interface Scan {
  readonly headings: readonly string[] | undefined;
  readonly lines: readonly number[];
  readonly rejected: readonly RejectedRow[];
  /** Whether the file can be read as it is. */
  readonly plain: boolean;
}

async function scanFile(path: string, delimiter: string, columnCount: number): Promise<Scan> {
  let headings: readonly string[] | undefined;
  let plain = true;
  const lines: number[] = [];
  const rejected: RejectedRow[] = [];
  const kindOf = recordKinds(columnCount);
  const scanner = new CsvScanner(delimiter, (record) => {
    const { kind, reason } = kindOf(record);
    if (kind === 'row') lines.push(record.line);
    else if (kind === 'headings') {
      headings = parseRecord(textOf(record), delimiter);
      if (headings.length < columnCount) headings = [...headings, ''];
      plain &&= record.fields === columnCount;
    } else {
      plain = false;
      if (kind === 'rejected')
        rejected.push({ line: record.line, reason, record: textOf(record).slice(0, 10_000) });
    }
  });
  await readInPieces(path, (piece) => scanner.write(piece));
  scanner.finish();
  return { headings, lines, rejected, plain: plain && !scanner.unusual };
}

interface RecordKind {
  readonly kind: 'blank' | 'headings' | 'row' | 'rejected';
  readonly reason: string;
}

/** Tells what each record of a file is, in their order. */
function recordKinds(columnCount: number): (record: CsvRecord) => RecordKind {
  let headings: Buffer | undefined;
  const rejected = (reason: string): RecordKind => ({ kind: 'rejected', reason });
  return (record) => {
    if (record.blank) return { kind: 'blank', reason: '' };
    if (record.problem !== undefined) return rejected(record.problem);
    if (headings === undefined) {
      // Some programs end each row with a delimiter, but not the headings.
      const isShort = columnCount > 2 && record.fields === columnCount - 1;
      if (record.fields !== columnCount && !isShort) return rejected('it stands before the line of headings');
      headings = Buffer.from(record.bytes);
      return { kind: 'headings', reason: '' };
    }
    if (record.fields !== columnCount)
      return rejected(
        `it has ${record.fields} cell${record.fields === 1 ? '' : 's'}, the headings have ${columnCount}`,
      );
    return headings.equals(record.bytes) ? rejected('it repeats the headings') : { kind: 'row', reason: '' };
  };
}

/** The good rows alone, without headings, in the one way of writing CSV that leaves no questions. */
async function rewrite(path: string, to: string, delimiter: string, columnCount: number): Promise<void> {
  const output = await open(to, 'w');
  let pending: string[] = [];
  const kindOf = recordKinds(columnCount);
  const scanner = new CsvScanner(delimiter, (record) => {
    if (kindOf(record).kind === 'row') pending.push(writeRecord(parseRecord(textOf(record), delimiter)));
  });
  try {
    const flush = async () => {
      await output.write(pending.join(''));
      pending = [];
    };
    await readInPieces(path, (piece) => {
      scanner.write(piece);
      return flush();
    });
    scanner.finish();
    await flush();
  } finally {
    await output.close();
  }
}
