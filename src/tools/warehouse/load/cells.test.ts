import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { openForWriting } from '../duckdb/instance.ts';
import { quoteText } from '../layout.ts';
import {
  booleanSql,
  cleanSql,
  type DateForm,
  type DecimalMark,
  dateForms,
  dateSql,
  momentSql,
  numberSql,
  plainNumberSql,
} from './cells.ts';
import { decideOrder, decimalMark } from './column-plan.ts';
import { type Sql, sqlOn } from './sql-reader.ts';

const allForms = Object.keys(dateForms) as DateForm[];

describe('reading cells', () => {
  let database: Awaited<ReturnType<typeof openForWriting>>;
  let sql: Sql;
  before(async () => {
    database = await openForWriting(':memory:');
    sql = sqlOn(database.connection);
  });
  after(() => {
    database.connection.closeSync();
    database.instance.closeSync();
  });

  /** What an expression over `t` makes of each text. */
  async function read(expression: string, texts: readonly string[]): Promise<readonly (string | null)[]> {
    const values = texts.map((text, at) => `(${at}, ${quoteText(text)})`).join(', ');
    const rows = await sql.rows(
      `SELECT (${expression})::VARCHAR AS v FROM (VALUES ${values}) AS x(n, t) ORDER BY n`,
    );
    return rows.map((row) => row.v ?? null);
  }
  const numbers = async (mark: DecimalMark, texts: readonly string[]) =>
    (await read(numberSql('t', mark), texts)).map((value) => (value === null ? null : Number(value)));

  it('reads numbers as people and programs write them', async () => {
    const cases: readonly (readonly [string, number | null])[] = [
      ['1234.5', 1234.5],
      ['$1,234.50', 1234.5],
      ['1,234,567', 1234567],
      ['12,34,567.89', 1234567.89],
      ['€ 12', 12],
      ['12 EUR', 12],
      ['USD 1,000', 1000],
      ['(1,234.50)', -1234.5],
      ['-$5', -5],
      ['$-5', -5],
      ['5-', -5],
      ['−7', -7],
      ['45%', 45],
      ['45 %', 45],
      ['1e3', 1000],
      ["1'234.50", 1234.5],
      ['1 234', 1234],
      ['+3', 3],
      ['.5', 0.5],
      ['12abc', null],
      ['1,2,3', null],
      ['1.2.3', null],
      ['abc', null],
      ['$', null],
      ['--', null],
      ['1,23', null],
      ['0x10', null],
      ['2026-01-02', null],
      ['1_000', null],
    ];
    assert.deepEqual(
      await numbers(
        'point',
        cases.map(([text]) => text),
      ),
      cases.map(([, value]) => value),
    );
    assert.deepEqual(await numbers('comma', ['1.234,50 €', '1.234.567', '950', '0,5', '1,234.50']), [
      1234.5,
      1234567,
      950,
      0.5,
      null,
    ]);
  });

  it('reads back any amount, however it is written', async () => {
    const amount = fc.integer({ min: -1e12, max: 1e12 }).map((cents) => cents / 100);
    const style = fc.constantFrom(
      (value: number) => value.toLocaleString('en-US'),
      (value: number) => value.toLocaleString('en-US', { style: 'currency', currency: 'USD' }),
      (value: number) =>
        value.toLocaleString('en-US', { style: 'currency', currency: 'EUR', currencySign: 'accounting' }),
      (value: number) => `${value.toLocaleString('en-IN')} INR`,
      (value: number) => value.toFixed(2),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(amount, style), { minLength: 1, maxLength: 200 }), async (cases) => {
        const rounded = cases.map(([value, write]) => write(value));
        assert.deepEqual(
          await numbers('point', rounded),
          cases.map(([value]) => (value === 0 ? 0 : value)),
        );
      }),
      { numRuns: 30 },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(amount, { minLength: 1, maxLength: 200 }), async (values) => {
        assert.deepEqual(
          await numbers(
            'comma',
            values.map((value) => `${value.toLocaleString('de-DE')} €`),
          ),
          values,
        );
      }),
      { numRuns: 30 },
    );
  });

  it('never makes a number of any other text, and agrees with the fast reader', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.string({ unit: 'grapheme', maxLength: 12 }).filter((text) => !text.includes('\0')),
          { minLength: 1, maxLength: 200 },
        ),
        async (texts) => {
          const [slow, fast] = [
            await read(numberSql('t', 'point'), texts),
            await read(plainNumberSql('t'), texts),
          ];
          texts.forEach((text, at) => {
            if (slow[at] !== null) assert.match(text, /\d/);
            if (fast[at] !== null) assert.equal(slow[at], fast[at], text);
          });
        },
      ),
      { numRuns: 50 },
    );
  });

  it('reads back any day in every way of writing it', async () => {
    const day = fc.date({ min: new Date('1970-01-01'), max: new Date('2069-12-31'), noInvalidDate: true });
    const write = (date: Date, options: Intl.DateTimeFormatOptions, locale: string) =>
      date.toLocaleDateString(locale, { timeZone: 'UTC', ...options });
    await fc.assert(
      fc.asyncProperty(fc.array(day, { minLength: 1, maxLength: 100 }), async (dates) => {
        const iso = dates.map((date) => date.toISOString().slice(0, 10));
        const same = async (how: string, order: 'day first' | 'month first', texts: readonly string[]) =>
          assert.deepEqual(
            await read(dateSql('t', allForms, { dotted: order, other: order }), texts),
            iso,
            how,
          );
        await same('ISO', 'month first', iso);
        await same(
          'ISO time',
          'month first',
          dates.map((date) => date.toISOString()),
        );
        await same(
          'compact',
          'month first',
          iso.map((text) => text.replaceAll('-', '')),
        );
        await same(
          'US',
          'month first',
          dates.map((date) => write(date, {}, 'en-US')),
        );
        await same(
          'UK',
          'day first',
          dates.map((date) => write(date, {}, 'en-GB')),
        );
        await same(
          'German',
          'day first',
          dates.map((date) => write(date, {}, 'de-DE')),
        );
        await same(
          'US with time',
          'month first',
          dates.map((date) => `${write(date, {}, 'en-US')} 2:05 PM`),
        );
        await same(
          'long US',
          'month first',
          dates.map((date) => write(date, { dateStyle: 'long' }, 'en-US')),
        );
        await same(
          'medium UK',
          'month first',
          dates.map((date) =>
            write(date, { day: 'numeric', month: 'short', year: 'numeric' }, 'en-GB').replace('Sept', 'Sep'),
          ),
        );
        await same(
          'weekday',
          'month first',
          dates.map((date) => write(date, { dateStyle: 'full' }, 'en-US')),
        );
      }),
      { numRuns: 15 },
    );
  });

  it('takes no day that no calendar has', async () => {
    const texts = [
      '2026-02-30',
      '2026-13-01',
      '31/02/2026',
      '13/13/2026',
      '00/01/2026',
      '20261301',
      'Foo 3 2026',
      'soon',
      '12:30',
      '2026',
      '1/2',
    ];
    for (const order of ['day first', 'month first'] as const)
      assert.deepEqual(
        await read(dateSql('t', allForms, { dotted: order, other: order }), texts),
        texts.map(() => null),
      );
  });

  it('moves moments to UTC', async () => {
    const texts = ['2026-03-01T10:00:00+02:00', '2026-03-01 10:00', '2026-03-01T10:00:00.25Z', '2026-03-01'];
    assert.deepEqual(await read(momentSql('t'), texts), [
      '2026-03-01 08:00:00',
      '2026-03-01 10:00:00',
      '2026-03-01 10:00:00.25',
      null,
    ]);
  });

  it('reads yes and no', async () => {
    assert.deepEqual(await read(booleanSql('t'), ['Yes', 'n', 'TRUE', 'maybe', '1']), [
      'true',
      'false',
      'true',
      null,
      null,
    ]);
  });

  it('takes what people write into empty cells for empty, and the space off the others', async () => {
    const texts = ['', '  ', 'N/A', 'null', '-', '\u00a0x ', 'NA', ' #N/A', 'nullable', '\tTarn  Foods\t'];
    assert.deepEqual(await read(cleanSql('t'), texts), [
      null,
      null,
      null,
      null,
      null,
      'x',
      'NA',
      null,
      'nullable',
      'Tarn  Foods',
    ]);
  });
});

describe('what a column is written in', () => {
  const evidence = { dayFirst: 0, monthFirst: 0, either: 5 };
  const usual = 'month first';
  it('is settled by the days that can only be read one way', () => {
    assert.deepEqual(decideOrder({ ...evidence, dayFirst: 1 }, { usual }), { order: 'day first' });
    assert.deepEqual(decideOrder({ ...evidence, monthFirst: 1 }, { agreed: 'day first', usual }), {
      order: 'month first',
    });
  });
  it('follows the other columns of the file, and says so when there is nothing to go by', () => {
    assert.deepEqual(decideOrder(evidence, { agreed: 'day first', usual }), { order: 'day first' });
    assert.match(decideOrder(evidence, { usual }).note ?? '', /ambiguous.*month first/);
  });
  it('tells when both orders occur, unless a mapping file has said what is meant', () => {
    const both = { ...evidence, dayFirst: 3, monthFirst: 1 };
    const { order, note } = decideOrder(both, { usual });
    assert.equal(order, 'day first');
    assert.match(note ?? '', /3 day first, 1 month first/);
    assert.deepEqual(decideOrder(both, { said: 'month first', usual }), { order: 'month first' });
  });
  it('takes the decimal mark of the majority, and of the file where there is none', () => {
    assert.deepEqual(
      [decimalMark(3, 1, true), decimalMark(0, 2, false), decimalMark(0, 0, true)],
      ['point', 'comma', 'comma'],
    );
  });
});
