import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { type Asking, askDemo, testToday } from '../../../test/fixtures/analyst.ts';
import { interpret } from './interpret.ts';
import type { AnalystQuery } from './query.ts';
import { read } from './reading.ts';
import { readVocabulary, type Vocabulary } from './vocabulary.ts';
import { parseDay } from './words/calendar.ts';
import { isoOf } from './words/period.ts';
import { tokenize } from './words/tokens.ts';

const today = parseDay(testToday) as number;

/** A query in one line: what a question was understood as. */
function inShort(query: AnalystQuery): string {
  const parts = [
    query.intent,
    ...query.measures,
    ...(query.grain ? [`by ${query.grain}`] : []),
    ...query.dimensions.map((name) => `by ${name}`),
    ...(query.status && query.measures.length === 0 ? [query.status] : []),
    ...query.filters.map(
      ({ dimension, values, isExcluded }) => `${dimension}${isExcluded ? '≠' : '='}${values.join('|')}`,
    ),
    ...(query.account
      ? [`account=${query.account.groups.length > 1 ? 'several' : query.account.groups[0]?.name}`]
      : []),
    ...query.periods.map(isoOf),
    ...query.amountLimits.map(({ operator, amount }) => `${operator}${amount}`),
    ...(query.days === undefined ? [] : [`${query.days} days`]),
    ...(query.missing ? [`no ${query.missing}`] : []),
    ...(query.order ? [query.order] : []),
    ...(query.limit === undefined ? [] : [`limit ${query.limit}`]),
    ...(query.direction ? [query.direction] : []),
  ];
  return parts.join(' ');
}

const q4 = '2026-10-01/2026-12-31';
const q3 = '2026-07-01/2026-09-30';
const lastYear = '2025-01-01/2025-12-31';
const thisYear = '2026-01-01/2026-12-31';

const phrasings: readonly (readonly [question: string, query: string])[] = [
  ['What is the deal status for IXIS?', 'deal_status account=IXIS'],
  ['ixis deal status', 'deal_status account=IXIS'],
  ['where do we stand with IXIS', 'deal_status account=IXIS'],
  ['show me the deals of IXIS', 'deal_status account=IXIS'],
  ['What deals are closing this quarter?', `deals open ${q4}`],
  ['which opportunities close this quarter', `deals open ${q4}`],
  ['this quarter, what deals are closing', `deals open ${q4}`],
  ['Show me pipeline analysis for Q4', `pipeline_analysis pipeline ${q4}`],
  ['Q4 pipeline analysis please', `pipeline_analysis pipeline ${q4}`],
  ['pipline overview for Q4', `pipeline_analysis pipeline ${q4}`],
  ['What are the top 5 deals closing this quarter?', `deals open ${q4} largest limit 5`],
  ['5 biggest deals closing this quarter', `deals open ${q4} largest limit 5`],
  ['win rate by region last year', `metric win_rate by region ${lastYear}`],
  ['by region, last year, the win rate', `metric win_rate by region ${lastYear}`],
  ['WIN RATES BY REGIONS LAST YEAR', `metric win_rate by region ${lastYear}`],
  ['win rate per territory in 2025', `metric win_rate by region ${lastYear}`],
  ['close rate by region 2025', `metric win_rate by region ${lastYear}`],
  ['which open deals look stale?', 'stale open_deals'],
  ['stuck deals', 'stale'],
  ['how is usage trending at IXIS?', 'usage_trend usage_units account=IXIS'],
  ['usage trend for ixis', 'usage_trend usage_units account=IXIS'],
  ['is IXIS a good fit?', 'fit account=IXIS'],
  ['does IXIS match our ICP', 'fit account=IXIS'],
  ['how many open opportunities do we have', 'metric open_deals'],
  ['number of open deals', 'metric open_deals'],
  ['average deal size by product this year', `metric average_deal by product ${thisYear}`],
  ['avg deal size per product in 2026', `metric average_deal by product ${thisYear}`],
  ['who are the top owners by won amount in Q3', `metric won_amount by owner ${q3} largest`],
  ['top 3 reps by won amount in Q3', `metric won_amount by owner ${q3} largest limit 3`],
  ['why do we lose deals', 'loss_reasons lost'],
  ['loss reasons', 'loss_reasons'],
  ['deals lost last month and why', 'loss_reasons lost_deals 2026-10-01/2026-10-31'],
  ['pipeline by stage', 'metric pipeline by stage'],
  ['sales cycle by segment', 'metric cycle_days by segment'],
  ['how long does it take to close deals by segment', 'metric cycle_days by segment'],
  ['which customers have falling usage', 'usage_movers falling'],
  ['accounts with declining usage', 'usage_movers usage_units falling'],
  ['new leads this month by source', 'metric leads by source 2026-11-01/2026-11-30'],
  ['leads by source this month', 'metric leads by source 2026-11-01/2026-11-30'],
  ['lead conversion rate', 'metric lead_conversion'],
  ['what did we talk about with IXIS', 'calls account=IXIS'],
  ['last call with IXIS', 'calls account=IXIS'],
  ['compare Q3 and Q4 won amount', `compare won_amount ${q3} ${q4}`],
  ['won amount Q3 vs Q4', `compare won_amount ${q3} ${q4}`],
  ['forecast for this quarter', `forecast ${q4}`],
  ['what will we close this quarter', `forecast ${q4}`],
  ['tell me about IXIS', 'account account=IXIS'],
  ['IXIS', 'account account=IXIS'],
  ['which accounts have no activity in 60 days', 'inactive accounts 60 days'],
  ['accounts without activity for 60 days', 'inactive accounts 60 days'],
  ['pipeline coverage', 'coverage'],
  ['pipeline coverage next quarter', 'coverage 2027-01-01/2027-03-31'],
  ['deals over 100k closing next month', 'deals open 2026-12-01/2026-12-31 >100000'],
  ['deals worth more than 100,000 closing next month', 'deals open 2026-12-01/2026-12-31 >100000'],
  ['biggest customers by won amount', 'metric won_amount by account largest'],
  ['top 10 customers', 'metric won_amount by account largest limit 10'],
  ['deals in EMEA', 'deals region=EMEA'],
  ['deals in the EMEA region', 'deals region=EMEA'],
  ['emea oportunities', 'deals region=EMEA'],
  ["Hana Farrow's deals", 'deals owner=Hana Farrow'],
  ['won in healthcare', 'deals won industry=Healthcare'],
  ['pipeline for EMEA and APAC', 'metric pipeline region=EMEA|APAC'],
  ['enterprise pipeline', 'metric pipeline segment=Enterprise'],
  ['renewals closing next month', 'deals open type=Renewal 2026-12-01/2026-12-31'],
  ['deals in stage Negotiation', 'deals stage=Negotiation'],
  ['how much did we win in October', 'metric won_amount 2026-10-01/2026-10-31'],
  ['revenue by month this year', `metric won_amount by month ${thisYear}`],
  ['monthly revenue this year', `metric won_amount by month ${thisYear}`],
  ['who closed the most deals this year', `metric won_deals by owner ${thisYear} largest`],
  ['which deals have no close date', 'deals no close_date'],
  ['open deals without an amount', 'deals open_deals no amount'],
  ['how many leads did we get last month', 'metric leads 2026-10-01/2026-10-31'],
  ['show me leads from website', 'leads leads source=Website'],
  ['usage by product last month', 'metric usage_units by product 2026-10-01/2026-10-31'],
  ['how many customers do we have', 'metric accounts account_status=customer'],
  ['deals between 50k and 100k', 'deals >=50000 <=100000'],
  ['what deals did IXIS lose', 'deals lost account=IXIS'],
  ['average deal size in EMEA vs APAC', 'metric average_deal by region region=EMEA|APAC'],
  ['which products sell best', 'metric won_amount by product largest'],
  ['pipeline excluding EMEA', 'metric pipeline region≠EMEA'],
  ['deals not in EMEA closing this quarter', `deals open region≠EMEA ${q4}`],
  ['deals that were not won', 'not_understood'],
  ["which deals didn't close last quarter", 'not_understood'],
  ['compare IXIS and Lantern Rail', 'not_understood'],
  ['pipeline for Zorblax', 'unknown_name'],
  ["Maria's deals", 'unknown_name'],
  ['deal status for Lantern Rail Systems', 'unknown_name'],
  ['delete all deals', 'read_only'],
  ['what can you do', 'help'],
  ['what data do you have', 'data'],
];

/** Intents for which the rest of the line does not matter. */
const bare: ReadonlySet<string> = new Set(['read_only', 'help', 'data', 'not_understood', 'unknown_name']);

describe('questions become queries', () => {
  let asking: Asking;
  let vocabulary: Vocabulary;
  before(async () => {
    asking = await askDemo();
    vocabulary = await readVocabulary(asking.warehouse);
  });
  after(() => asking.release());

  async function understand(question: string): Promise<string> {
    const tokens = tokenize(question);
    const query = interpret(read(tokens, vocabulary, await vocabulary.accountsFor(tokens), today));
    return bare.has(query.intent) ? query.intent : inShort(query);
  }

  for (const [question, query] of phrasings) {
    it(question, async () => assert.equal(await understand(question), query));
  }

  it('is the same in any case, with other punctuation and with courtesies', async () => {
    for (const [question, query] of phrasings.filter(([, each]) => !bare.has(each.split(' ')[0] ?? ''))) {
      for (const other of [
        question.toUpperCase(),
        question.toLowerCase(),
        `Please, ${question}!!!`,
        `  ${question.replaceAll(' ', '   ')} ?`,
      ]) {
        assert.equal(await understand(other), query, other);
      }
    }
  });

  it('is the same in any order of its parts', async () => {
    const parts = ['win rate', 'by region', 'last year', 'in healthcare'];
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray(parts, { minLength: 4 }), async (shuffled) => {
        assert.equal(
          await understand(shuffled.join(' ')),
          `metric win_rate by region industry=Healthcare ${lastYear}`,
        );
      }),
    );
  });

  it('forgives one slip in each longer word', async () => {
    const words = ['pipeline', 'region', 'quarter', 'average', 'product'];
    const question = 'average pipeline by region and product last quarter';
    for (const word of words) {
      for (let at = 1; at < word.length - 1; at++) {
        const slipped = question.replace(word, word.slice(0, at) + word.slice(at + 1));
        assert.equal(await understand(slipped), await understand(question), slipped);
      }
    }
  });

  it('reads any text in bounded time', async () => {
    const hostile = [
      'a'.repeat(10_000),
      'pipeline '.repeat(1_100),
      'zzxqy qwvbn '.repeat(800),
      'between since from '.repeat(500),
      'pipelnie regoin quartre '.repeat(400),
      '1 '.repeat(5_000),
      "'".repeat(10_000),
      'é́́'.repeat(3_000),
      'Lantern Data Foods '.repeat(500),
      `${'x'.repeat(39)} `.repeat(250),
    ];
    await understand('warm up');
    for (const question of hostile) {
      let best = Number.POSITIVE_INFINITY;
      for (let time = 0; time < 3; time++) {
        const started = performance.now();
        await understand(question);
        best = Math.min(best, performance.now() - started);
      }
      // Far above what it takes on an idle machine, far below what anything quadratic would.
      assert.ok(best < 250, `${best.toFixed(1)} ms for ${question.slice(0, 30)}…`);
    }
  });
});
