import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { formatRows, warehouseCommand } from './warehouse.ts';

describe('signalbox warehouse', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'signalbox-cli-'));
    await writeFile(join(folder, 'accounts.csv'), 'account,sector\nTarn Foods Ltd,retail\nBram,\n');
    await writeFile(
      join(folder, 'deals.csv'),
      'deal_id,account,stage,amount\n1,Tarn Foods,Won,5\n2,Bram,Lost,none at all\n3,Bram,Lost,4\n4,Bram,Lost,4\n',
    );
  });
  after(() => rm(folder, { recursive: true }));

  async function run(...args: string[]): Promise<{ code: number; output: string }> {
    let output = '';
    const write = (text: string) => {
      output += text;
    };
    const code = await warehouseCommand(args, { dataDir: join(folder, 'data'), json: false, write });
    return { code, output };
  }

  it('says that there is nothing yet', async () => {
    assert.deepEqual(await run('tables'), {
      code: 0,
      output: 'The warehouse is empty. Load something: signalbox warehouse load FILE…\n',
    });
  });

  it('loads files and reports what is worth a look, with a mapping that can be used as it is', async () => {
    const { code, output } = await run('load', join(folder, 'deals.csv'), join(folder, 'accounts.csv'));
    assert.equal(code, 0);
    assert.match(output, /deals\.csv → opportunities/);
    assert.match(output, /4 read, 3 loaded, 1 rejected/);
    assert.match(output, /1 × amount is not a number \(line 3\)/);
    assert.match(output, /"Tarn Foods" \(1 row\): perhaps "Tarn Foods Ltd"/);
    const mapping = join(folder, 'mapping.yaml');
    await writeFile(mapping, output.slice(output.indexOf('values:')));
    const again = await run('load', join(folder, 'deals.csv'), '--mapping', mapping);
    assert.match(again.output, /1 value mapped/);
    assert.doesNotMatch(again.output, /Worth a look/);
  });

  it('shows tables and rows for people and for programs', async () => {
    const tables = await run('tables');
    assert.match(tables.output, /^accounts +2 +\d+ +accounts\.csv, loaded \d{4}-\d\d-\d\d/m);
    const query = await run(
      'query',
      'SELECT stage, sum(amount) AS total FROM opportunities GROUP BY 1 ORDER BY 1',
    );
    assert.match(query.output, /^Won +5$/m);
    const json = await run('query', 'SELECT 1 AS one', '--json');
    assert.deepEqual(JSON.parse(json.output).rows, [{ one: 1 }]);
    assert.match((await run('query', 'SELECT * FROM range(10)', '--limit', '3')).output, /the first 3 rows/);
  });

  it('says what is wrong, and with what code', async () => {
    const failing: readonly (readonly [number, RegExp, readonly string[]])[] = [
      [2, /What to do is missing/, []],
      [2, /"sell x" was not understood/, ['sell', 'x']],
      [2, /at least one file/, ['load']],
      [2, /--fast/, ['load', 'a.csv', '--fast']],
      [1, /nowhere\.csv/, ['load', 'nowhere.csv']],
      [1, /Expected one SELECT/, ['query', 'DROP TABLE accounts']],
      [1, /Expected a number/, ['query', 'SELECT 1', '--limit', 'all']],
    ];
    for (const [expected, message, args] of failing) {
      const { code, output } = await run(...args);
      assert.equal(code, expected, args.join(' '));
      assert.match(output, message);
    }
    const { output } = await run('query', 'SELECT nope', '--json');
    assert.equal(JSON.parse(output).error.code, 'query_failed');
  });

  it('shows cells on one line, without what a terminal might obey', () => {
    const [, , row] = formatRows(['a'], [{ a: `x\n\u001b[31m${'y'.repeat(100)}` }]).split('\n');
    assert.match(row ?? '', /^x \[31my+…$/);
  });
});
