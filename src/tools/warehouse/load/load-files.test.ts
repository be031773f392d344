import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { SignalboxError } from '../../../core/errors.ts';
import { createDemoWarehouse } from '../demo/demo.ts';
import { DuckDbWarehouse } from '../duckdb/duckdb-warehouse.ts';
import { openForWriting } from '../duckdb/instance.ts';
import type { Scalar } from '../warehouse.ts';
import { type LoadOptions, loadFiles } from './load-files.ts';
import type { FileReport, LoadReport } from './report.ts';

const root = await mkdtemp(join(tmpdir(), 'signalbox-load-test-'));
after(() => rm(root, { recursive: true }));
let folders = 0;

/** A folder of its own, with a warehouse in it. */
async function workspace() {
  folders += 1;
  const folder = join(root, String(folders));
  await mkdir(folder);
  const warehousePath = join(folder, 'data', 'warehouse.duckdb');
  const put = async (name: string, content: string | Buffer) => {
    await writeFile(join(folder, name), content);
    return join(folder, name);
  };
  const load = (files: readonly string[], options: Partial<LoadOptions> = {}) =>
    loadFiles(files, { warehousePath, ...options });
  const query = async (sql: string): Promise<readonly (readonly Scalar[])[]> => {
    const warehouse = new DuckDbWarehouse(warehousePath);
    const { rows } = await warehouse.query(sql).finally(() => warehouse.close());
    return rows.map((row) => Object.values(row));
  };
  /** Writes one file and loads it. */
  const loadText = async (name: string, content: string | Buffer, options: Partial<LoadOptions> = {}) => {
    const report = await load([await put(name, content)], options);
    return { report, file: report.files[0] as FileReport };
  };
  return { folder, warehousePath, put, load, loadText, query };
}

const rejects = async (file: FileReport) =>
  (await readFile(file.rejectsFile ?? '', 'utf8')).trim().split('\n').slice(1);

describe('loading the export of a CRM', () => {
  const pipeline = [
    'opportunity_id,sales_agent,product,account,deal_stage,engage_date,close_date,close_value',
    'D1,Moira Vance,GTXPro,Quarrel Systems,Won,2025-01-10,2025-03-01,4821',
    'D2,Moira Vance,GTX Basic,quarrel  systems,Lost,2025-01-11,2025-03-02,0',
    'D3,Zed Okoro,GTXPro,Ganje Limited,Engaging,2025-02-01,,',
    'D4,Zed Okoro,MG Special,,Prospecting,,,',
    'D5,Zed Okoro,MG Special,Tarn Foods,Won,2025-02-01,2025-13-45,100',
    'D6,Zed Okoro,MG Special,Tarn Foods,Won,2025-02-01,2025-03-04,lots',
    'too,few',
    'D1,Moira Vance,GTXPro,Quarrel Systems,Won,2025-01-10,2025-03-01,5000',
    '',
    'D7,"Okoro, Zed","says ""hi""",Nobody Known,Won,2025-02-01,2025-03-04,1',
  ].join('\n');
  const accounts = [
    'account,sector,year_established,revenue,employees,office_location,subsidiary_of',
    'Quarrel Systems,technology,1999,"$1,204.50",300,Norway,',
    'Tarn Foods,technolgy,1984,12.5,1200,United States,',
    'Ganje Ltd,technology,2001,n/a,51,United States,Tarn Foods',
  ].join('\n');
  const products = 'product,series,sales_price\nGTX Basic,GTX,550\nGTX Pro,GTX,4821\nMG Special,MG,55\n';
  const teams =
    'sales_agent,manager,regional_office\nMoira Vance,Cara Lim,Central\nZed Okoro,Cara Lim,West\n';

  let space: Awaited<ReturnType<typeof workspace>>;
  let files: readonly string[];
  let report: LoadReport;
  before(async () => {
    space = await workspace();
    files = [
      await space.put('sales_pipeline.csv', pipeline),
      await space.put('accounts.csv', accounts),
      await space.put('products.csv', products),
      await space.put('sales_teams.csv', teams),
    ];
    report = await space.load(files);
  });
  const of = (name: string) => report.files.find((file) => basename(file.file) === name) as FileReport;

  it('finds the table of each file', () => {
    assert.deepEqual(
      report.files.map((file) => file.table),
      ['opportunities', 'accounts', 'products', 'owners'],
    );
  });

  it('finds the columns by their synonyms', () => {
    const columns = Object.fromEntries(
      of('sales_pipeline.csv').columns.map((one) => [one.heading, one.column]),
    );
    assert.deepEqual(columns, {
      opportunity_id: 'opportunity_id',
      sales_agent: 'owner_id',
      product: 'product_id',
      account: 'account_id',
      deal_stage: 'stage',
      engage_date: 'created_date',
      close_date: 'close_date',
      close_value: 'amount',
    });
  });

  it('loads what can be loaded, and counts every row', async () => {
    const { rowsRead, rowsLoaded, rowsRejected } = of('sales_pipeline.csv');
    assert.deepEqual([rowsRead, rowsLoaded, rowsRejected], [9, 5, 4]);
    assert.deepEqual(
      await space.query('SELECT opportunity_id, amount, close_date FROM opportunities ORDER BY 1'),
      [
        ['D1', 5000, '2025-03-01'],
        ['D2', 0, '2025-03-02'],
        ['D3', null, null],
        ['D4', null, null],
        ['D7', 1, '2025-03-04'],
      ],
    );
  });

  it('writes each rejected row with its line and the reason', async () => {
    assert.deepEqual(await rejects(of('sales_pipeline.csv')), [
      '"2","it has the same opportunity_id as line 9, which was kept","D1,Moira Vance,GTXPro,Quarrel Systems,Won,2025-01-10,2025-03-01,4821"',
      '"6","close_date: ""2025-13-45"" is not a date","D5,Zed Okoro,MG Special,Tarn Foods,Won,2025-02-01,2025-13-45,100"',
      '"7","close_value: ""lots"" is not a number","D6,Zed Okoro,MG Special,Tarn Foods,Won,2025-02-01,2025-03-04,lots"',
      '"8","it has 2 cells, the headings have 8","too,few"',
    ]);
    const reasons = of('sales_pipeline.csv').rejectReasons.map(({ reason, lines }) => `${reason}: ${lines}`);
    assert.ok(reasons.includes('close_value is not a number: 7'), reasons.join('\n'));
  });

  it('turns a name into the id whatever its case and spaces, and guesses nothing', async () => {
    assert.deepEqual(
      await space.query('SELECT account_id, product_id FROM opportunities ORDER BY opportunity_id'),
      [
        ['Quarrel Systems', 'GTXPro'],
        ['Quarrel Systems', 'GTX Basic'],
        ['Ganje Limited', 'GTXPro'],
        [null, 'MG Special'],
        ['Nobody Known', 'says "hi"'],
      ],
    );
  });

  it('reports values that join to nothing, with what they may have been meant for', () => {
    const unmatched = (column: string) =>
      report.references
        .find((reference) => reference.table === 'opportunities' && reference.column === column)
        ?.unmatched.map(({ value, rows, near }) => [value, rows, ...near]);
    assert.deepEqual(unmatched('product_id'), [
      ['GTXPro', 2, 'GTX Pro'],
      ['says "hi"', 1],
    ]);
    assert.deepEqual(unmatched('account_id'), [
      ['Ganje Limited', 1, 'Ganje Ltd'],
      ['Nobody Known', 1],
    ]);
  });

  it('reports spellings that look alike', () => {
    const similar = report.similarValues.flatMap((one) =>
      one.similar.map(({ usual, unusual }) => [one.column, unusual.value, usual.value]),
    );
    assert.deepEqual(similar, [['industry', 'technolgy', 'technology']]);
  });

  it('has a line for each table in signalbox_meta', async () => {
    assert.deepEqual(
      await space.query('SELECT table_name, source, file_name, row_count FROM signalbox_meta ORDER BY 1'),
      [
        ['accounts', 'file', 'accounts.csv', 3],
        ['opportunities', 'file', 'sales_pipeline.csv', 5],
        ['owners', 'file', 'sales_teams.csv', 2],
        ['products', 'file', 'products.csv', 3],
      ],
    );
  });

  it('resolves the rest through a mapping file, when the same files are loaded again', async () => {
    const mappingFile = await space.put(
      'mapping.yaml',
      'values:\n  product:\n    GTXPro: GTX Pro\n  Account: { Ganje Limited: Ganje Ltd }\n  sector: { technolgy: technology }\n',
    );
    const again = await space.load(files, { mappingFile });
    assert.deepEqual(again.similarValues, []);
    const product = again.references.find(
      (reference) => reference.table === 'opportunities' && reference.column === 'product_id',
    );
    assert.deepEqual(
      product?.unmatched.map(({ value }) => value),
      ['says "hi"'],
    );
    assert.equal(again.files[0]?.rowsReplaced, 5);
    assert.deepEqual(
      await space.query('SELECT count(*) FROM opportunities JOIN products USING (product_id)'),
      [[4]],
    );
  });
});

describe('loading again', () => {
  it('takes the place of the earlier file of the same name, and leaves the rows of others', async () => {
    const { loadText, query } = await workspace();
    await loadText('deals.csv', 'deal_id,stage,amount\na,Won,1\nb,Won,2\n');
    await loadText('older deals.csv', 'deal_id,stage,amount\nz,Lost,9\n');
    const { file } = await loadText('deals.csv', 'deal_id,stage,amount\nb,Lost,3\nc,Open,4\n');
    assert.deepEqual([file.rowsLoaded, file.rowsReplaced, file.rowsRemoved], [2, 1, 1]);
    assert.deepEqual(await query('SELECT opportunity_id, stage, amount FROM opportunities ORDER BY 1'), [
      ['b', 'Lost', 3],
      ['c', 'Open', 4],
      ['z', 'Lost', 9],
    ]);
  });

  it('takes the place of the whole table when told so', async () => {
    const { put, load, query, loadText } = await workspace();
    await loadText('old.csv', 'deal_id,stage,amount\na,Won,1\n');
    await load(
      [
        await put('deals 1.csv', 'deal_id,stage,amount\nb,Won,2\n'),
        await put('deals 2.csv', 'deal_id,stage,amount\nc,Won,3\n'),
      ],
      { replace: true },
    );
    assert.deepEqual(await query('SELECT opportunity_id FROM opportunities ORDER BY 1'), [['b'], ['c']]);
    assert.deepEqual(await query('SELECT file_name FROM signalbox_meta ORDER BY 1'), [
      ['deals 1.csv'],
      ['deals 2.csv'],
    ]);
  });

  it('finds names in tables that come later', async () => {
    const { loadText, query } = await workspace();
    const { report } = await loadText('deals.csv', 'deal_id,account,stage,amount\n1,tarn foods,Won,5\n');
    assert.equal(report.references[0]?.nothingToMatch, true);
    await loadText('accounts.csv', 'account_id,name,industry\nA-7,Tarn Foods,Retail\n');
    assert.deepEqual(await query('SELECT account_id FROM opportunities'), [['A-7']]);
  });

  it('does not choose between two accounts of one name', async () => {
    const { loadText, query } = await workspace();
    await loadText(
      'accounts.csv',
      'account_id,name,industry\nA-1,Tarn Foods,Retail\nA-2,Tarn Foods,Retail\n',
    );
    const { report } = await loadText('deals.csv', 'deal_id,account,stage,amount\n1,Tarn Foods,Won,5\n');
    assert.deepEqual(
      report.references.find((one) => one.table === 'opportunities')?.unmatched[0]?.ambiguous,
      true,
    );
    assert.deepEqual(await query('SELECT account_id FROM opportunities'), [['Tarn Foods']]);
  });

  it('gives rows without an id the same id each time, and equal rows one each', async () => {
    const { loadText, query } = await workspace();
    const usage = 'date,customer,units\n2026-01-01,Tarn,5\n2026-01-01,Tarn,6\n2026-01-02,Tarn,7\n';
    await loadText('usage.csv', usage);
    const ids = await query('SELECT usage_id, units FROM usage ORDER BY units');
    await loadText('usage copy.csv', usage);
    assert.deepEqual(await query('SELECT usage_id, units FROM usage ORDER BY units'), ids);
    assert.equal(new Set(ids.map(([id]) => id)).size, 3);
  });

  it('drops the demo workspace at the first real load', async () => {
    const { loadText, query, warehousePath } = await workspace();
    await createDemoWarehouse(warehousePath, { seed: 1, today: '2026-08-14' });
    const first = await loadText('accounts.csv', 'account,sector\nTarn Foods,retail\n');
    assert.equal(first.report.demoDropped, true);
    assert.deepEqual(await query('SELECT (SELECT count(*) FROM accounts), (SELECT count(*) FROM usage)'), [
      [1, 0],
    ]);
    const second = await loadText('products.csv', 'product,series\nGTX,G\n');
    assert.equal(second.report.demoDropped, false);
  });

  it('changes nothing when one of the files cannot be read', async () => {
    const { put, load, loadText, query, folder } = await workspace();
    await loadText('accounts.csv', 'account,sector\nTarn Foods,retail\n');
    const good = await put('products.csv', 'product,series\nGTX,G\n');
    await assert.rejects(load([good, await put('broken.json', '{"a":1}\n{"a":')]), {
      code: 'file_unreadable',
    });
    await assert.rejects(load([good, join(folder, 'nowhere.csv')]), { code: 'file_unreadable' });
    await assert.rejects(load([good, await put('a.xlsx', 'PK')]), { code: 'file_unreadable' });
    await assert.rejects(load([good, await put('empty.csv', '')]), { code: 'file_unreadable' });
    await assert.rejects(load([good, good]), { code: 'invalid_request' });
    await assert.rejects(load([]), { code: 'invalid_request' });
    assert.deepEqual(await query('SELECT (SELECT count(*) FROM accounts), (SELECT count(*) FROM products)'), [
      [1, 0],
    ]);
    assert.deepEqual(await readdir(join(folder, 'data')), ['warehouse.duckdb']);
  });
});

describe('files as programs write them', () => {
  const cases: readonly (readonly [string, string | Buffer])[] = [
    [
      'semicolons and a byte order mark',
      '\ufeffDeal ID;Name;Close Value;Close Date\n1;Ä "x";1.234,50 €;31.12.2025\n2;b;950;01.02.2026\n',
    ],
    [
      'Windows-1252',
      Buffer.from(
        'Deal ID;Name;Close Value;Close Date\n1;\xc4 "x";1.234,50 \x80;31.12.2025\n2;b;950;01.02.2026\n',
        'latin1',
      ),
    ],
    [
      'UTF-16',
      Buffer.from(
        '\ufeffDeal ID\tName\tClose Value\tClose Date\r\n1\tÄ "x"\t1234.50\t2025-12-31\r\n2\tb\t950\t2026-02-01\r\n',
        'utf16le',
      ),
    ],
    [
      'UTF-16 without a mark, big end first',
      Buffer.from(
        'Deal ID\tName\tClose Value\tClose Date\r\n1\tÄ "x"\t1234.50\t2025-12-31\r\n2\tb\t950\t2026-02-01\r\n',
        'utf16le',
      ).swap16(),
    ],
    [
      'quotes and a title above',
      'Weekly report\n\nDeal ID,Name,Close Value,Close Date\n"1","Ä ""x""","$1,234.50",12/31/2025\n2, "b",950,2/1/2026\n',
    ],
    ['old line ends', 'Deal ID,Name,Close Value,Close Date\r1,Ä "x",1234.5,20251231\r2,b,950,20260201\r'],
    [
      'bars and no last line end',
      'Deal ID|Name|Close Value|Close Date\n1|Ä "x"|1234.5|Dec 31, 2025\n2|b|950|1 February 2026',
    ],
  ];
  it('reads hundreds of columns within the memory of a load', async () => {
    const { loadText } = await workspace();
    const line = (cell: (at: number) => string) =>
      `${Array.from({ length: 200 }, (_, at) => cell(at)).join(',')}\n`;
    const { file } = await loadText('wide.csv', line((at) => `field_${at}`) + line(String));
    assert.deepEqual([file.rowsRead, file.rowsLoaded], [1, 1]);
  });

  for (const [what, content] of cases)
    it(`reads ${what}`, async () => {
      const { loadText, query } = await workspace();
      const { file } = await loadText('deals.csv', content);
      assert.deepEqual(
        await query('SELECT opportunity_id, name, amount, close_date FROM opportunities ORDER BY 1'),
        [
          ['1', 'Ä "x"', 1234.5, '2025-12-31'],
          ['2', 'b', 950, '2026-02-01'],
        ],
      );
      assert.deepEqual([file.table, file.rowsLoaded], ['opportunities', 2]);
    });

  it('reads JSON, as an array or by the line, with nested values as JSON text', async () => {
    const rows = [
      { 'Deal Id': 1, stage: 'Won', amount: 1.5, tags: ['a', 1], closeDate: '2026-01-02T10:00:00Z' },
      { 'Deal Id': 2, stage: null, amount: null, closeDate: null },
    ];
    for (const [name, content] of [
      ['deals.json', JSON.stringify(rows)],
      ['deals.jsonl', rows.map((row) => JSON.stringify(row)).join('\n')],
    ] as const) {
      const { loadText, query } = await workspace();
      await loadText(name, content);
      assert.deepEqual(
        await query('SELECT opportunity_id, stage, amount, tags, close_date FROM opportunities ORDER BY 1'),
        [
          ['1', 'Won', 1.5, '["a",1]', '2026-01-02'],
          ['2', null, null, null, null],
        ],
      );
    }
  });

  it('reads Parquet with its types', async () => {
    const { folder, load, query } = await workspace();
    const path = join(folder, 'usage.parquet');
    const { connection, instance } = await openForWriting(':memory:');
    await connection.run(
      `COPY (SELECT DATE '2026-01-02' AS day, 'Tarn' AS customer, 12.5::DECIMAL(9, 2) AS units, true AS billed, TIMESTAMP '2026-01-02 03:04:05' AS seen) TO '${path}' (FORMAT parquet)`,
    );
    connection.closeSync();
    instance.closeSync();
    const { files } = await load([path]);
    assert.equal(files[0]?.table, 'usage');
    assert.deepEqual(await query('SELECT usage_date, account_id, units, billed, seen FROM usage'), [
      ['2026-01-02', 'Tarn', 12.5, true, '2026-01-02T03:04:05.000Z'],
    ]);
  });

  it('reads rows that end with a delimiter, and files put together from several', async () => {
    const { loadText, query } = await workspace();
    const { file } = await loadText(
      'accounts.csv',
      'account,sector\nTarn,retail,\nBram,rail,\naccount,sector\nAlder,rail,\n',
    );
    assert.deepEqual(await query('SELECT name, industry FROM accounts ORDER BY 1'), [
      ['Alder', 'rail'],
      ['Bram', 'rail'],
      ['Tarn', 'retail'],
    ]);
    assert.deepEqual(
      file.rejectReasons.map(({ lines }) => lines),
      [[4]],
    );
    const again = await loadText('accounts.csv', 'account,sector\nTarn,retail\naccount,sector\n');
    assert.deepEqual(again.file.rejectReasons, [{ reason: 'it repeats the headings', count: 1, lines: [3] }]);
  });

  it('does not take lines of totals and footnotes for rows, nor a company for a total', async () => {
    const { loadText, query } = await workspace();
    const { file } = await loadText(
      'accounts.csv',
      'account,sector,employees\nTotal,energy,100000\nBram,rail,5\nTotal,,100005\nGrand Totals (2 records),,100005\nConfidential - do not share,,\n',
    );
    assert.deepEqual(await query('SELECT name FROM accounts ORDER BY 1'), [['Bram'], ['Total']]);
    assert.deepEqual(file.rejectReasons, [
      { reason: 'it is a line of totals or a footnote', count: 3, lines: [4, 5, 6] },
    ]);
  });

  it('keeps line numbers right behind cells of several lines', async () => {
    const { loadText } = await workspace();
    const { file } = await loadText(
      'deals.csv',
      'deal_id,name,stage,amount\n1,"two\nlines",Won,5\n\n2,b,Won,many\n3,c,Won,5\n4,d,Won,5\n',
    );
    assert.deepEqual(await rejects(file), ['"5","amount: ""many"" is not a number","2,b,Won,many"']);
  });

  it('rejects what follows a quotation mark that is never closed, with that reason', async () => {
    const { loadText } = await workspace();
    const { file } = await loadText(
      'deals.csv',
      'deal_id,name,stage,amount\n1,a,Won,5\n2,"b,Won,5\n3,c,Won,5\n',
    );
    assert.deepEqual([file.rowsRead, file.rowsLoaded, file.rowsRejected], [2, 1, 1]);
    assert.match(file.rejectReasons[0]?.reason ?? '', /never closed/);
  });

  it('keeps a column as text when it is not what its name says', async () => {
    const { loadText, query } = await workspace();
    const { file } = await loadText(
      'accounts.csv',
      'account,sector,employees\nTarn,retail,51-200\nAlder,rail,1-10\nBram,rail,7\n',
    );
    assert.equal(file.rowsRejected, 0);
    assert.match(file.columns[2]?.note ?? '', /2 of 3 cells are no number \(such as "51-200"\)/);
    assert.deepEqual(await query("SELECT employees, employees_text FROM accounts WHERE name = 'Tarn'"), [
      [null, '51-200'],
    ]);
  });

  it('keeps columns of its own with the type that all their cells have', async () => {
    const { loadText, query } = await workspace();
    const { file } = await loadText(
      'deals.csv',
      'deal_id,stage,amount,Zip,Forecast?,Score,Reviewed,Note,Nothing\n1,Won,5,02134,yes,7.5,2026-01-02,x,\n2,Won,5,10001,no,8,2026-01-03,7,\n',
    );
    assert.deepEqual(
      file.columns.slice(3).map(({ column, type }) => [column, type]),
      [
        ['zip', 'text'],
        ['forecast', 'boolean'],
        ['score', 'number'],
        ['reviewed', 'date'],
        ['note', 'text'],
        ['nothing', 'text'],
      ],
    );
    assert.deepEqual(file.emptyColumns, ['Nothing']);
    assert.deepEqual(
      await query('SELECT zip, forecast, score, reviewed FROM opportunities WHERE opportunity_id = $$1$$'),
      [['02134', true, 7.5, '2026-01-02']],
    );
  });

  it('makes a table of its own for a file that fits none, and makes it anew each time', async () => {
    const { loadText, query } = await workspace();
    await loadText('quotas 2026.csv', 'quarter,target\nQ1,100\nQ2,200\n');
    const { file } = await loadText('quotas 2026.csv', 'quarter,goal\nQ3,300\n');
    assert.deepEqual([file.table, file.rowsRemoved], ['quotas', 2]);
    assert.deepEqual(await query('SELECT * FROM quotas'), [['Q3', 300, 'quotas 2026.csv']]);
  });

  it('never takes cells or headings for SQL', async () => {
    const { loadText, query } = await workspace();
    const evil = `x'); DROP TABLE accounts; --`;
    await loadText(`deals's "file".csv`, `deal_id,stage,amount,"${evil}"\n"${evil}",Won,5,"${evil}"\n`);
    assert.deepEqual(await query('SELECT opportunity_id FROM opportunities'), [[evil]]);
    assert.deepEqual(await query('SELECT count(*) FROM accounts'), [[0]]);
  });

  it('reads a column of dates the way that all of it can be read, and says when it could be either', async () => {
    const { loadText, query } = await workspace();
    const { file } = await loadText(
      'deals.csv',
      'deal_id,stage,created,close_date\n1,Won,03/04/2026,05/06/2026\n2,Won,25/04/2026,07/08/2026\n',
    );
    assert.deepEqual(
      await query('SELECT created_date, close_date FROM opportunities ORDER BY opportunity_id LIMIT 1'),
      [['2026-04-03', '2026-06-05']],
    );
    assert.equal(file.columns[3]?.note, undefined, 'the other column settles it');
    const either = await loadText('deals.csv', 'deal_id,stage,close_date\n1,Won,03/04/2026\n');
    assert.match(either.file.columns[2]?.note ?? '', /ambiguous.*month first/);
  });

  it('reads days with dots and with strokes in one column each in its own order', async () => {
    const { loadText, query } = await workspace();
    const { file } = await loadText(
      'deals.csv',
      'deal_id,stage,close_date\n1,Won,3/14/2026\n2,Won,18.7.2026\n3,Won,7.9.2026\n4,Won,7/9/2026\n5,Won,2026-03-01\n',
    );
    assert.equal(file.rowsRejected, 0);
    assert.equal(file.columns[2]?.note, undefined);
    assert.deepEqual((await query('SELECT close_date FROM opportunities ORDER BY opportunity_id')).flat(), [
      '2026-03-14',
      '2026-07-18',
      '2026-09-07',
      '2026-07-09',
      '2026-03-01',
    ]);
  });

  it('reads a day that can only be read one way even where the others stand the other way', async () => {
    const { loadText, query, put } = await workspace();
    const deals =
      'deal_id,stage,close_date\n1,Won,3/14/2026\n2,Won,3/15/2026\n3,Won,18/7/2026\n4,Won,7/9/2026\n';
    const days = async () =>
      (await query('SELECT close_date FROM opportunities ORDER BY opportunity_id')).flat();
    const { file } = await loadText('deals.csv', deals);
    assert.match(file.columns[2]?.note ?? '', /1 day first, 2 month first.*read month first/);
    assert.deepEqual(await days(), ['2026-03-14', '2026-03-15', '2026-07-18', '2026-07-09']);
    const mappingFile = await put('mapping.yaml', 'files:\n  deals.csv:\n    dates: day first\n');
    await loadText('deals.csv', deals, { mappingFile });
    assert.deepEqual(await days(), ['2026-03-14', '2026-03-15', '2026-07-18', '2026-09-07']);
  });
});

describe('a mapping file', () => {
  it('says which table and column a heading is, and what to leave out', async () => {
    const { put, loadText, query } = await workspace();
    const mappingFile = await put(
      'mapping.json',
      JSON.stringify({
        files: {
          'Report.csv': {
            table: 'opportunities',
            dates: 'day first',
            columns: { 'Worth (k)': 'amount', Phase: 'stage', When: 'close_date', Secret: null },
          },
        },
      }),
    );
    const { file } = await loadText('report.csv', 'Phase,Worth (k),When,Secret\nWon,7,03/04/2026,s\n', {
      mappingFile,
    });
    assert.deepEqual(
      file.columns.map(({ by }) => by),
      ['mapping file', 'mapping file', 'mapping file', 'left out'],
    );
    assert.deepEqual(await query('SELECT stage, amount, close_date FROM opportunities'), [
      ['Won', 7, '2026-04-03'],
    ]);
  });

  const wrong: Readonly<Record<string, string>> = {
    'file: {}': 'file',
    'files: [a]': 'files',
    'files: { a.csv: { columns: { x: Close Date } } }': 'Close Date',
    'files: { a.csv: { dates: sometimes } }': 'sometimes',
    'files: { a.csv: { columns: { x: amount, y: amount } } }': 'amount',
    'values: { product: { a: [b] } }': 'values.product.a',
    'a: [': 'mapping.yaml',
    'files: { accounts.csv: { columns: { Nowhere: name } } }': 'nowhere',
  };
  for (const [content, named] of Object.entries(wrong))
    it(`is refused with the place of the mistake: ${content}`, async () => {
      const { put, loadText } = await workspace();
      const mappingFile = await put('mapping.yaml', content);
      await assert.rejects(
        loadText('accounts.csv', 'account,sector\nTarn,retail\n', { mappingFile }),
        (error) => {
          assert.ok(error instanceof SignalboxError && error.code === 'mapping_invalid', String(error));
          assert.ok(error.message.includes(named), error.message);
          return true;
        },
      );
    });
});

describe('a large file', () => {
  it('is loaded in seconds, every line in its place', async () => {
    const { folder, load, query } = await workspace();
    const path = join(folder, 'usage.csv');
    const { connection, instance } = await openForWriting(':memory:');
    await connection.run(`COPY (SELECT DATE '2024-01-01' + (range % 700)::INTEGER AS date, 'Account ' || range // 700 AS customer,
      CASE WHEN range = 250000 THEN 'broken' ELSE (range % 997)::VARCHAR END AS units FROM range(300000)) TO '${path}' (FORMAT csv)`);
    connection.closeSync();
    instance.closeSync();
    const report = await load([path]);
    const file = report.files[0] as FileReport;
    assert.deepEqual(
      [file.rowsRead, file.rowsLoaded, file.rejectReasons[0]?.lines],
      [300_000, 299_999, [250_002]],
    );
    assert.ok(report.durationMs < 20_000, `${report.durationMs} ms`);
    assert.deepEqual(
      await query(
        'SELECT sum(units) - (SELECT sum(range % 997) FROM range(300000) WHERE range <> 250000) FROM usage',
      ),
      [[0]],
    );
  });
});
