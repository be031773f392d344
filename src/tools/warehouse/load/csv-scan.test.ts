import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type CsvRecord, CsvScanner, parseRecord, writeRecord } from './csv-scan.ts';

/** The records of a text that arrives in pieces of some size. */
function scan(text: string, pieceBytes: number, delimiter = ','): readonly CsvRecord[] {
  const records: CsvRecord[] = [];
  const scanner = new CsvScanner(delimiter, (record) =>
    records.push({ ...record, bytes: Buffer.from(record.bytes) }),
  );
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += pieceBytes)
    scanner.write(Buffer.from(bytes.subarray(at, at + pieceBytes)));
  scanner.finish();
  return records;
}

const cell = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r', ' ', 'é', ';'), maxLength: 6 });
const rows = fc.array(fc.array(cell, { minLength: 2, maxLength: 4 }), { minLength: 1, maxLength: 8 });

describe('scanning CSV', () => {
  it('finds each record that was written, wherever the pieces end', () => {
    fc.assert(
      fc.property(rows, fc.integer({ min: 1, max: 40 }), (written, pieceBytes) => {
        const records = scan(written.map(writeRecord).join(''), pieceBytes);
        assert.deepEqual(
          records.map((record) => parseRecord(record.bytes.toString(), ',')),
          written,
        );
        assert.deepEqual(
          records.map((record) => [record.fields, record.problem]),
          written.map((one) => [one.length, undefined]),
        );
      }),
    );
  });

  it('finds the same records in any text, however it arrives', () => {
    const text = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r', ' '), maxLength: 40 });
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 5 }), (content, pieceBytes) => {
        assert.deepEqual(scan(content, pieceBytes), scan(content, 1_000));
      }),
    );
  });

  it('counts lines as an editor does', () => {
    const lines = scan('a,b\n"x\ny",1\r\n\nz,2\rq,3', 3).map((record) => record.line);
    assert.deepEqual(lines, [1, 2, 4, 5, 6]);
  });

  it('names what is wrong with a record', () => {
    const problems = scan('"a"b,c\nd,e\n"f,g\nh,i\n', 100).map((record) => record.problem);
    assert.deepEqual(problems.slice(0, 2), ['there is text after a closing quotation mark', undefined]);
    assert.match(problems[2] ?? '', /never closed, and the 2 lines after it/);
  });
});
