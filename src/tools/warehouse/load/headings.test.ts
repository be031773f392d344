import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { mapColumns } from './column-mapping.ts';
import { columnNames, normalizeHeading, tableNameOf } from './headings.ts';
import { editDistance, isNear, similarValues } from './near.ts';
import { chooseTable } from './table-choice.ts';

const anyText = fc.string({ unit: 'grapheme', maxLength: 30 });

describe('headings', () => {
  it('become the names of the canonical schema', () => {
    const cases = {
      'Close Value ($)': 'close_value',
      closeDate: 'close_date',
      Deal_Value__c: 'deal_value',
      AccountID: 'account_id',
      '  Umsätze % ': 'umsatze',
      'Deal – Stage': 'deal_stage',
      '###': '',
    };
    for (const [heading, name] of Object.entries(cases))
      assert.equal(normalizeHeading(heading), name, heading);
  });

  it('normalise once and for all', () => {
    fc.assert(
      fc.property(anyText, (heading) => {
        const name = normalizeHeading(heading);
        assert.equal(normalizeHeading(name), name);
        assert.doesNotMatch(name, /^_|_$|__|\s|"/);
      }),
    );
  });

  it('become names that are neither empty nor twice there', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(anyText, fc.constantFrom('a', 'A', 'a 2', '')), { maxLength: 20 }),
        (headings) => {
          const names = columnNames(headings);
          assert.equal(new Set(names).size, headings.length);
          assert.ok(names.every((name) => name !== '' && !/^\p{N}/u.test(name)));
        },
      ),
    );
  });

  it('give every column of a file one place, and no place to two', () => {
    const tables = fc.constantFrom('deals.csv', 'accounts.csv', 'x.csv', 'usage.csv');
    const headings = fc.array(
      fc.oneof(
        anyText,
        fc.constantFrom('id', 'account', 'account_id', 'value', 'amount', 'status', 'source_file'),
      ),
      { minLength: 1, maxLength: 12 },
    );
    fc.assert(
      fc.property(tables, headings, (file, columns) => {
        const names = columnNames(columns);
        const mapped = mapColumns(columns, names, chooseTable(file, names).table).map(
          (column) => column.column,
        );
        assert.equal(new Set(mapped).size, columns.length);
        assert.ok(!mapped.includes('source_file'));
      }),
    );
  });
});

describe('columns', () => {
  const columns = (file: string, ...headings: string[]) => {
    const names = columnNames(headings);
    return mapColumns(headings, names, chooseTable(file, names).table).map((column) => column.column);
  };
  it('are found in the exports of well-known systems', () => {
    assert.deepEqual(
      columns(
        'report1755.csv',
        'Opportunity Owner',
        'Account Name',
        'Account Owner',
        'Opportunity Name',
        'Stage',
        'Amount',
        'Probability (%)',
        'Close Date',
        'Created Date',
        'Next Step',
        'Lead Source',
        'Type',
      ),
      [
        'owner_id',
        'account_id',
        'account_owner',
        'name',
        'stage',
        'amount',
        'probability',
        'close_date',
        'created_date',
        'next_step',
        'lead_source',
        'type',
      ],
    );
    assert.deepEqual(
      columns(
        'crm-exports-all-deals-2026-08-14.csv',
        'Record ID',
        'Deal Name',
        'Deal Stage',
        'Close Date',
        'Deal owner',
        'Amount',
        'Create Date',
        'Associated Company',
      ),
      ['opportunity_id', 'name', 'stage', 'close_date', 'owner_id', 'amount', 'created_date', 'account_id'],
    );
  });
  it('go to the nearest name when several could be meant', () => {
    assert.deepEqual(
      columns('accounts.csv', 'Account', 'Account Name', 'Account ID', 'Revenue', 'Annual Revenue'),
      ['account', 'name', 'account_id', 'revenue', 'annual_revenue'],
    );
    assert.deepEqual(columns('deals.csv', 'Deal ID', 'Stage', 'Amount (USD)', 'Value'), [
      'opportunity_id',
      'stage',
      'amount',
      'value',
    ]);
  });
});

describe('tables', () => {
  const table = (file: string, headings: string) => chooseTable(file, columnNames(headings.split(','))).name;
  it('are found by the name of the file and its columns', () => {
    assert.equal(
      table('sales_pipeline.csv', 'opportunity_id,sales_agent,product,account,deal_stage,close_value'),
      'opportunities',
    );
    assert.equal(
      table('Opportunities export 2026-08-14.csv', 'Opportunity Name,Amount,Stage,Close Date'),
      'opportunities',
    );
    assert.equal(table('sales_teams.csv', 'sales_agent,manager,regional_office'), 'owners');
    assert.equal(table('products.csv', 'product,series,sales_price'), 'products');
    assert.equal(table('download.csv', 'deal_name,stage,amount,close_date,owner'), 'opportunities');
    assert.equal(
      table('report(3).csv', 'account_name,industry,employees,annual_revenue,website'),
      'accounts',
    );
    assert.equal(table('telemetry.parquet', 'day,customer,api_calls'), 'usage');
  });
  it('are made anew for what fits none', () => {
    assert.equal(table('metadata.csv', 'Table,Field,Description'), 'metadata');
    assert.equal(table('accounts.csv', 'x,y,z,w'), 'accounts_file');
    assert.equal(table('2024.csv', 'x,y'), 'table_2024');
    assert.equal(tableNameOf('Umsätze 2024.csv'), 'umsatze');
  });
  it('name what they could also have been', () => {
    const choice = chooseTable(
      'download.csv',
      columnNames(['company', 'name', 'status', 'owner', 'industry', 'region', 'email']),
    );
    assert.deepEqual([choice.name, choice.alternatives.length > 0], ['leads', true]);
  });
});

describe('near matches', () => {
  it('see through case, spaces, legal forms and slips', () => {
    for (const [one, other] of [
      ['GTXPro', 'GTX Pro'],
      ['Ganje Limited', 'ganje ltd.'],
      ['technolgy', 'technology'],
      ['Tarn  Foods', 'TARN FOODS'],
      ['Öland AB', 'Oland'],
    ])
      assert.ok(isNear(one as string, other as string), `${one} ~ ${other}`);
  });
  it('tell different things apart', () => {
    for (const [one, other] of [
      ['GTX 100', 'GTX 200'],
      ['West', 'East'],
      ['Won', 'Lost'],
      ['GTX Pro', 'GTX Basic'],
      ['', ''],
      ['Q1', 'Q2'],
    ])
      assert.ok(!isNear(one as string, other as string), `${one} ~ ${other}`);
  });
  it('take the more frequent spelling for the usual one', () => {
    const values = [
      { value: 'technolgy', count: 2 },
      { value: 'technology', count: 40 },
      { value: 'Series A', count: 3 },
      { value: 'Series B', count: 9 },
    ];
    assert.deepEqual(
      similarValues(values).map(({ usual, unusual }) => [unusual.value, usual.value]),
      [['technolgy', 'technology']],
    );
  });
  it('measure a distance that is symmetric, and zero for the same', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (one, other) => {
        assert.equal(editDistance(one, one, 2), 0);
        assert.equal(editDistance(one, other, 3), editDistance(other, one, 3));
      }),
    );
    assert.equal(editDistance('ab', 'ba', 2), 1);
  });
});
