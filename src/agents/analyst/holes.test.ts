import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Asking, askRows } from '../../../test/fixtures/analyst.ts';
import { examples } from './answers/examples.ts';

/** A typical export: open deals have neither amount nor close date, no regions on deals, owners by name alone, stages of its own. */
const crmExport = [
  "INSERT INTO accounts (account_id, name, industry, employees) VALUES ('a1', 'Acme Corporation', 'retail', 2822), ('a2', 'Betasoloin', 'medical', 495)",
  "INSERT INTO owners (owner_id, name, manager, region) VALUES ('o1', 'Moses Frase', 'Dustin Brinkmann', 'Central'), ('o2', 'Darcel Schlecht', 'Melvin Marxen', 'East')",
  `INSERT INTO opportunities (opportunity_id, account_id, owner_id, product_id, stage, amount, created_date, close_date) VALUES
    ('1', 'a1', 'o1', 'GTX Plus', 'Won', 1054, '2026-01-10', '2026-03-01'),
    ('2', 'a1', 'o2', 'GTX Plus', 'Won', 4514, '2026-02-10', '2026-03-21'),
    ('3', 'a2', 'o1', 'MG Special', 'Lost', 0, '2026-02-11', '2026-04-01'),
    ('4', 'a2', 'o2', 'MG Special', 'Engaging', NULL, '2026-03-01', NULL),
    ('5', NULL, 'o2', 'GTX Plus', 'Prospecting', NULL, NULL, NULL)`,
];

describe('data with holes', () => {
  let asking: Asking;
  before(async () => {
    asking = await askRows(crmExport);
  });
  after(() => asking.release());

  const says = (question: string, pattern: RegExp) =>
    it(`${question}: ${pattern.source}`, async () =>
      assert.match((await asking.ask(question)).plain, pattern));

  says('pipeline', /^Pipeline cannot be computed: the 2 open deals have no amounts\./);
  says('pipeline by owner', /^Pipeline cannot be computed: the 2 open deals have no amounts\.\n\n1\. Darcel/);
  says('how many deals were lost to price', /These words were not used: price/);
  says('won amount by product series', /The data have no product family/);
  says('how many open deals', /^Open deals: 2\b/);
  says(
    'deals closing this quarter',
    /No open deal has a close date in the data, so Q4 2026 could not be applied/,
  );
  says('forecast for this quarter', /no amounts to forecast with/);
  says('pipeline coverage', /cannot be computed: the 2 open deals have no amount/);
  says('pipeline analysis', /none of them has an amount/);
  says('win rate by region', /Central: Win rate 50\.0 %/);
  says('win rate by owner', /Darcel Schlecht: Win rate 100\.0 %, Won 1, Closed deals 1/);
  says('average deal size by product', /GTX Plus: Average deal 2,784, Won deals 2/);
  says('average deal size', /^Average deal: 2,784, over 2 won deals/);
  says('GTX Plus deals', /3 deals with product GTX Plus/);
  says('which open deals look stale', /Open deals have no last activity date in the data/);
  says('why do we lose deals', /No reason is noted/);
  says('how is usage trending at acme', /no usage/);
  says('which customers have falling usage', /no usage/);
  says('which accounts have no activity in 60 days', /can't be told from the data/);
  says('win rate by segment', /The data have no segment for these rows/);
  says('lead conversion rate', /Conversion cannot be computed: leads.status is empty/);
  says('deal status for acme', /^Acme Corporation has 0 open deals; 2 deals were won for 5,568 and 0 lost/);
  says('is betasoloin a good fit', /Betasoloin looks like[\s\S]*evidence is thin/);
  says('which rep has the longest sales cycle', /^(?![\s\S]*not used)Sales cycle: 44\.5 days/);
  says('sales cycle', /^Sales cycle: 44\.5 days, over 2 won deals/);

  it('offers only examples that the data can answer, and answers them', async () => {
    const { plain } = await asking.ask('what can you do');
    assert.doesNotMatch(
      plain,
      /usage|lead/i.test(plain.split('\n').slice(2).join('\n')) ? /- .*(usage|lead)/i : /^$/,
    );
    for (const [example] of examples) {
      const answer = await asking.ask(
        example.replace('{account}', 'Acme Corporation').replace('{region}', 'East'),
      );
      assert.doesNotMatch(answer.plain, /NaN|\bnull\b|undefined|Infinity/, example);
    }
  });
});

describe('names that join to nothing', () => {
  let asking: Asking;
  before(async () => {
    asking = await askRows([
      ...crmExport,
      `INSERT INTO opportunities (opportunity_id, account_id, owner_id, product_id, stage, amount, close_date) VALUES
        ('6', 'Dalttechnology', 'Vicki Laflamme', 'GTXPro', 'Won', 100, '2026-03-01'),
        ('7', 'Dalttechnology', 'Vicki Laflamme', 'GTXPro', 'Open', 50, '2026-12-01')`,
      "INSERT INTO products (product_id, name, family) VALUES ('GTX Plus', 'GTX Plus', 'GTX'), ('MG Special', 'MG Special', 'MG')",
    ]);
  });
  after(() => asking.release());

  const says = (question: string, pattern: RegExp) =>
    it(`${question}: ${pattern.source}`, async () =>
      assert.match((await asking.ask(question)).plain, pattern));

  says('deal status for dalttechnology', /^Dalttechnology has 1 open deal, worth 50; 1 deal was won for 100/);
  says("Vicki Laflamme's won amount", /^Won amount of Vicki Laflamme: 100, over 1 won deal\b/);
  says('GTXPro won amount', /^Won amount with product GTXPro: 100\b/);
  says('won amount by product series', /^Won amount: 5,668[\s\S]*GTX: Won amount 5,568/);
  says('tell me about dalttechnology', /Dalttechnology/);
  says('is dalttechnology a good fit', /Dalttechnology/);
});

describe('no data at all', () => {
  it('every example is answered with what is missing', async () => {
    const asking = await askRows([]);
    try {
      for (const [example] of examples) {
        const answer = await asking.ask(example.replace('{account}', 'Acme').replace('{region}', 'East'));
        assert.doesNotMatch(answer.plain, /NaN|\bnull\b|undefined|Infinity/, example);
        assert.ok(answer.plain.length > 20);
      }
    } finally {
      await asking.release();
    }
  });
});
