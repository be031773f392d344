import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { DuckDbWarehouse } from '../duckdb/duckdb-warehouse.ts';
import type { Row } from '../warehouse.ts';
import { showcaseAccount } from './accounts.ts';
import { createDemoWarehouse, type DemoOptions } from './demo.ts';

const today = '2026-08-14';

describe('the demo workspace', () => {
  let folder: string;
  let warehouse: DuckDbWarehouse;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'signalbox-demo-'));
    warehouse = await make('first', { seed: 1, today });
  });
  after(async () => {
    await warehouse.close();
    await rm(folder, { recursive: true });
  });

  async function make(name: string, options: DemoOptions): Promise<DuckDbWarehouse> {
    const path = join(folder, `${name}.duckdb`);
    await createDemoWarehouse(path, options);
    return new DuckDbWarehouse(path);
  }
  const rows = async (sql: string, from = warehouse): Promise<readonly Row[]> => (await from.query(sql)).rows;
  const value = async (sql: string): Promise<unknown> => Object.values((await rows(sql))[0] ?? {})[0];

  /** One line per table that changes when any cell does, dates moved by some days. */
  async function fingerprint(from: DuckDbWarehouse, shiftDays: number): Promise<readonly string[]> {
    const lines = [];
    for (const { name, columns } of await from.tables()) {
      const cells = columns.map((column) =>
        column.type === 'date' ? `"${column.name}" + ${shiftDays}` : `"${column.name}"`,
      );
      const [line] = await rows(`SELECT bit_xor(hash(${cells.join(', ')})) AS hash FROM ${name}`, from);
      lines.push(`${name} ${line?.hash}`);
    }
    return lines;
  }

  it('has the size of a company of some years', async () => {
    const counts = Object.fromEntries(
      (await warehouse.tables()).map((table) => [table.name, table.rowCount]),
    );
    assert.deepEqual([counts.accounts, counts.opportunities, counts.leads], [300, 5_000, 600]);
    assert.ok((counts.usage ?? 0) > 100_000 && (counts.calls ?? 0) > 1_000);
    assert.ok((counts.owners ?? 0) > 10 && (counts.products ?? 0) > 3);
  });

  it('is the same for the same seed and day', async () => {
    const again = await make('again', { seed: 1, today });
    assert.deepEqual(await fingerprint(again, 0), await fingerprint(warehouse, 0));
    await again.close();
  });

  it('moves with the day, by whole weeks without any other difference', async () => {
    const later = await make('later', { seed: 1, today: '2026-08-28' });
    assert.deepEqual(await fingerprint(later, 0), await fingerprint(warehouse, 14));
    await later.close();
  });

  it('is another for another seed', async () => {
    const other = await make('other', { seed: 2, today });
    const theirs = new Set(await fingerprint(other, 0));
    const same = (await fingerprint(warehouse, 0)).filter((line) => theirs.has(line));
    assert.deepEqual(
      same.map((line) => line.split(' ')[0]),
      ['products'],
    );
    await other.close();
  });

  it('shows every side of the account of the guides', async () => {
    const [deals] = await rows(`
      SELECT count(*) FILTER (stage = 'Closed Won') > 2 AS won, count(*) FILTER (stage = 'Closed Lost') > 2 AS lost,
        count(*) FILTER (stage NOT LIKE 'Closed%') > 2 AS open
      FROM opportunities JOIN accounts USING (account_id) WHERE accounts.name = '${showcaseAccount}'`);
    assert.deepEqual(deals, { won: true, lost: true, open: true });
    for (const table of ['usage', 'calls']) {
      const sql = `SELECT count(*) FROM ${table} JOIN accounts USING (account_id) WHERE name = '${showcaseAccount}'`;
      assert.ok(Number(await value(sql)) > 10, table);
    }
  });

  it('reaches up to today, and no further back than three years', async () => {
    const [range] = await rows(
      'SELECT min(created_date) AS first, max(created_date) AS last FROM opportunities',
    );
    assert.ok(String(range?.first) > '2023-08-01' && String(range?.last) <= today);
    assert.equal(await value('SELECT max(usage_date) FROM usage'), '2026-08-13');
    assert.equal(await value(`SELECT count(*) FROM calls WHERE call_date > DATE '${today}'`), 0);
  });

  const dirt: Readonly<Record<string, string>> = {
    'deals without an amount': 'SELECT count(*) FROM opportunities WHERE amount IS NULL',
    'open deals whose close date is past': `SELECT count(*) FROM opportunities WHERE stage NOT LIKE 'Closed%' AND close_date < DATE '${today}'`,
    'open deals that nobody touches': `SELECT count(*) FROM opportunities WHERE stage NOT LIKE 'Closed%' AND last_activity_date < DATE '${today}' - 60`,
    'deals without an account': 'SELECT count(*) FROM opportunities WHERE account_id IS NULL',
    'regions missing': 'SELECT count(*) FROM accounts WHERE region IS NULL',
    'industries spelt in several ways':
      'SELECT count(DISTINCT industry) - count(DISTINCT lower(industry)) FROM accounts',
    'accounts entered twice': `SELECT count(*) FROM (SELECT regexp_replace(lower(name), '( |,|inc|ltd|llc|gmbh|group|[.])', '', 'g') AS plain FROM accounts GROUP BY plain HAVING count(*) > 1)`,
    'churned customers': "SELECT count(*) FROM accounts WHERE status = 'churned'",
    'a deal won by somebody who never became a customer': `SELECT count(*) = 0 FROM opportunities JOIN accounts USING (account_id) WHERE status = 'prospect' AND stage = 'Closed Won'`,
    'accounts whose usage falls': trend('< 0.8'),
    'accounts whose usage rises': trend('> 1.2'),
  };
  for (const [what, sql] of Object.entries(dirt))
    it(what.startsWith('a deal won') ? `has no ${what.slice(2)}` : `has ${what}`, async () => {
      assert.ok(Number(await value(sql)) > 0);
    });

  it('is never put over data that are there', async () => {
    await assert.rejects(make('first', { seed: 1, today }), { code: 'conflict' });
  });

  it('wants a day as its today', async () => {
    for (const wrong of ['yesterday', '2026-13-01', "2026-01-01' --"])
      await assert.rejects(make('wrong', { seed: 1, today: wrong }), { code: 'config_invalid' }, wrong);
  });
});

/** Accounts whose units of the last 90 days, over those of the same days a year ago, are like `condition`. */
function trend(condition: string): string {
  const between = (from: number, to: number) =>
    `sum(units) FILTER (usage_date > DATE '${today}' - ${from} AND usage_date <= DATE '${today}' - ${to})`;
  return `SELECT count(*) FROM (SELECT account_id FROM usage GROUP BY 1 HAVING ${between(90, 0)} / ${between(455, 365)} ${condition})`;
}
