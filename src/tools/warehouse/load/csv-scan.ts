import { createReadStream } from 'node:fs';

/**
 * Finds the records of a CSV file (RFC 4180, and the ways in which programs depart from it) without building them: where each
 * begins and ends, on which line, how many fields it has and what is wrong with it. Bytes, not characters: the marks that
 * matter are ASCII in every encoding that gets here (UTF-8, Windows-1252).
 */

export interface CsvRecord {
  readonly line: number;
  readonly fields: number;
  /** Nothing but spaces. */
  readonly blank: boolean;
  readonly problem: string | undefined;
  readonly bytes: Buffer;
}

const quote = 0x22;
const space = 0x20;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;

/** Beyond it a record is taken for what follows a quotation mark that is never closed. */
const maximumRecordBytes = 16 * 1024 * 1024;

type State = 'field start' | 'plain' | 'quoted' | 'quote in quoted';

/** The state machine over bytes; chunks may end anywhere. */
export class CsvScanner {
  /** Whether anything is written in a way that not every reader understands alike. */
  unusual = false;
  readonly #delimiter: number;
  readonly #onRecord: (record: CsvRecord) => void;
  #state: State = 'field start';
  #rest: Buffer = Buffer.alloc(0);
  #line = 1;
  #recordLine = 1;
  #fields = 1;
  #content = false;
  #problem: string | undefined;
  #lineEnding: number | undefined;
  #skipLineFeed = false;

  constructor(delimiter: string, onRecord: (record: CsvRecord) => void) {
    this.#delimiter = delimiter.charCodeAt(0);
    this.#onRecord = onRecord;
  }

  write(chunk: Buffer): void {
    const buffer = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let start = 0;
    for (let at = this.#rest.length; at < buffer.length; at += 1) {
      const byte = buffer[at] as number;
      if (this.#skipLineFeed) {
        this.#skipLineFeed = false;
        if (byte === lineFeed) {
          start = at + 1;
          continue;
        }
      }
      if (this.#state === 'quoted') {
        if (byte === quote) this.#state = 'quote in quoted';
        else if (byte === lineFeed) this.#line += 1;
      } else if (byte === lineFeed || byte === carriageReturn) {
        this.#end(buffer.subarray(start, at), byte);
        start = at + 1;
      } else if (byte === this.#delimiter) {
        this.#fields += 1;
        this.#content = true;
        this.#state = 'field start';
      } else this.#cell(byte);
    }
    this.#rest = Buffer.from(buffer.subarray(start));
    if (this.#rest.length > maximumRecordBytes) this.finish();
  }

  /** The file has ended, with or without a line break. */
  finish(): void {
    if (this.#state === 'quoted') this.#problem = unclosed(this.#line - this.#recordLine);
    if (this.#rest.length > 0) this.#end(this.#rest, undefined);
    this.#rest = Buffer.alloc(0);
  }

  #cell(byte: number): void {
    if (byte !== space) this.#content = true;
    if (this.#state === 'field start') {
      if (byte === quote) this.#state = 'quoted';
      else if (byte !== space) this.#state = 'plain';
      else this.unusual = true;
    } else if (this.#state === 'quote in quoted') {
      if (byte === quote) this.#state = 'quoted';
      else if (byte === space) this.unusual = true;
      else {
        this.#problem ??= 'there is text after a closing quotation mark';
        this.#state = 'plain';
      }
    } else if (byte === quote) this.unusual = true;
  }

  #end(bytes: Buffer, ending: number | undefined): void {
    const record = {
      line: this.#recordLine,
      fields: this.#fields,
      blank: !this.#content,
      problem: this.#problem,
      bytes,
    };
    if (ending !== undefined) {
      this.unusual ||= this.#lineEnding !== undefined && this.#lineEnding !== ending;
      this.#lineEnding = ending;
      this.#skipLineFeed = ending === carriageReturn;
    }
    this.#line += 1;
    this.#recordLine = this.#line;
    this.#fields = 1;
    this.#content = false;
    this.#problem = undefined;
    this.#state = 'field start';
    this.#onRecord(record);
  }
}

const unclosed = (lines: number) =>
  `the quotation mark is never closed${lines > 0 ? `, and the ${lines} lines after it were taken for its text` : ''}`;

const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);

/** Runs over a file in pieces, without its byte order mark. */
export async function readInPieces(path: string, take: (piece: Buffer) => unknown): Promise<void> {
  let first = true;
  for await (const piece of createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
    await take(first && piece.subarray(0, 3).equals(byteOrderMark) ? piece.subarray(3) : piece);
    first = false;
  }
}

/** The cells of one well-formed record. */
export function parseRecord(text: string, delimiter: string): readonly string[] {
  const cells: string[] = [];
  let at = 0;
  for (;;) {
    let from = at;
    while (text[from] === ' ') from += 1;
    if (text[from] === '"') {
      const end = closingQuote(text, from + 1);
      cells.push(text.slice(from + 1, end).replaceAll('""', '"'));
      at = text.indexOf(delimiter, end);
    } else {
      const end = text.indexOf(delimiter, at);
      cells.push(text.slice(at, end < 0 ? text.length : end));
      at = end;
    }
    if (at < 0) return cells;
    at += 1;
  }
}

function closingQuote(text: string, from: number): number {
  let at = from;
  for (;;) {
    at = text.indexOf('"', at);
    if (at < 0) return text.length;
    if (text[at + 1] !== '"') return at;
    at += 2;
  }
}

/** One record, every cell quoted, so that all readers understand it alike. */
export const writeRecord = (cells: readonly string[]): string =>
  `${cells.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(',')}\n`;
