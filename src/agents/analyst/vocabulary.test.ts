import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Asking, askRows } from '../../../test/fixtures/analyst.ts';
import { createAccountIndex } from './account-index.ts';
import { statusOfStage } from './semantic-layer/stages.ts';
import { trendOf } from './trend.ts';
import { distance } from './words/distance.ts';
import { keyOf } from './words/tokens.ts';

describe('more accounts than are kept in memory', () => {
  let asking: Asking;
  before(async () => {
    asking = await askRows([
      `INSERT INTO accounts (account_id, name, region)
       SELECT 'A' || range, CASE WHEN range = 31337 THEN 'Zephyrine Instruments Ltd' ELSE 'Company ' || range || ' Instruments' END, 'North' FROM range(60000)`,
      "INSERT INTO opportunities (opportunity_id, account_id, stage, amount, close_date) VALUES ('1', 'A31337', 'Open', 5000, '2026-12-01'), ('2', 'A5', 'Open', 70, '2026-12-01')",
    ]);
  });
  after(() => asking.release());

  for (const typed of [
    'Zephyrine Instruments',
    'zephyrine instruments ltd',
    'Zephyrine',
    'zephyrine instrumnets',
  ]) {
    it(`finds "${typed}" by SQL`, async () => {
      const { plain } = await asking.ask(`deal status for ${typed}`);
      assert.match(plain, /^Zephyrine Instruments Ltd has 1 open deal, worth 5,000/);
    });
  }

  it('says when there is none', async () => {
    assert.match(
      (await asking.ask('deal status for Quuxly')).plain,
      /Nothing in the data is called “Quuxly”/,
    );
  });

  it('answers what names no account', async () => {
    assert.match((await asking.ask('pipeline by region')).plain, /^Pipeline: 5,070, over 2 open deals/);
  });
});

describe('the account index', () => {
  const index = createAccountIndex([
    ['1', 'Müller & Söhne GmbH'],
    ['2', 'Data Flow, Inc.'],
    ['3', 'DATA FLOW'],
    ['4', 'Northwind Health'],
    ['5', 'Northwind Foods'],
  ]);
  const search = (name: string) => index.search(keyOf(name).split(' '));

  it('does not mind accents, case, legal forms and spaces', () => {
    assert.deepEqual(search('muller sohne')?.groups[0]?.ids, ['1']);
    assert.deepEqual(search('dataflow')?.groups[0]?.ids, ['2', '3']);
  });
  it('finds by parts and by misspelt words', () => {
    assert.deepEqual(search('northwind')?.groups.length, 2);
    assert.equal(search('northwind')?.certainty, 'partial');
    assert.deepEqual(
      search('nortwind helth')?.groups.map(({ name }) => name),
      ['Northwind Health'],
    );
  });
  it('finds nothing for another name', () => assert.equal(search('zorblax'), undefined));
});

describe('stages', () => {
  const cases = {
    won: ['Won', 'Closed Won', 'closed-won', 'CLOSED_WON', '6 - Won', 'closedwon'],
    lost: [
      'Lost',
      'Closed Lost',
      'closedlost',
      'Closed - Lost',
      'Disqualified',
      'Dead',
      'Not won',
      'Cancelled',
    ],
    open: ['Prospecting', 'Engaging', 'Negotiation', '', 'Wonderful', 'Closing'],
  };
  for (const [status, stages] of Object.entries(cases)) {
    for (const stage of stages)
      it(`"${stage}" is ${status}`, () => assert.equal(statusOfStage(stage), status));
  }
});

describe('the trend of a series', () => {
  it('agrees with a worked example', () => {
    // Gilbert, Statistical Methods for Environmental Pollution Monitoring (1987), section 16.4: S is the number of rises less falls.
    const rising = trendOf([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    assert.equal(rising?.direction, 'rising');
    assert.equal(rising?.slope, 1);
    // S = 45, variance = 10 · 9 · 25 / 18 = 125, z = 44 / √125 = 3.9355: p = 0.0000830.
    assert.ok(Math.abs((rising?.pValue ?? 1) - 0.000083) < 0.000001);
  });
  it('sees no trend in noise, in a flat line, or in too few points', () => {
    assert.equal(trendOf([5, 3, 6, 4, 5, 3, 6, 4, 5, 4])?.direction, 'none');
    assert.equal(trendOf(new Array(13).fill(7))?.direction, 'none');
    assert.equal(trendOf([1, 2, 3]), undefined);
  });
});

describe('the distance of words', () => {
  const cases: readonly (readonly [string, string, number])[] = [
    ['pipeline', 'pipline', 1],
    ['pipeline', 'pipelnie', 1],
    ['quarter', 'qarter', 1],
    ['region', 'reason', 2],
    ['region', 'stage', 3],
    ['abc', 'abcdefg', 3],
  ];
  for (const [left, right, expected] of cases) {
    it(`${left} – ${right}`, () => assert.equal(distance(left, right, 2), expected));
  }
});
