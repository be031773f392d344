import type { Row } from '../../../tools/warehouse/warehouse.ts';
import { conditionsOf, date, dimensionSql, fromSql, statusSql, whereSql } from '../compile.ts';
import { type Answer, type Block, table } from '../render/answer.ts';
import {
  change,
  counted,
  dayText,
  formatMeasure,
  money,
  nothing,
  short,
  text,
  whole,
} from '../render/format.ts';
import { say, strong, type Text, together } from '../render/text.ts';
import { raw, sql } from '../sql.ts';
import { type AnswerContext, numberIn, readingNotes, wonLostRule } from './context.ts';
import { type DealList, listDeals } from './deal-rows.ts';

/** An account in one page: who they are, what they bought, what is open, what they use, when we last spoke. */
export async function answerAccount(context: AnswerContext): Promise<Answer> {
  const { query, vocabulary } = context;
  const own = conditionsOf(vocabulary, query, 'opportunities').conditions;
  const [facts, deals, usage, calls, open] = await Promise.all([
    readFacts(context),
    readDeals(context),
    readUsage(context),
    readCalls(context),
    listDeals(context, {
      conditions: [statusSql(vocabulary, 'open'), ...own],
      order: raw('opportunities.close_date ASC NULLS LAST'),
      limit: 10,
      without: ['account'],
    }),
  ]);
  const name = query.account?.groups[0]?.name ?? '';
  return {
    headline: headline(name, facts, deals),
    blocks: [factTable(context, facts, deals, usage, calls), ...openBlock(open)],
    notes: readingNotes(context),
    period: 'all dates; usage: the last 30 days against the 30 before',
    rules: [wonLostRule],
    understood: true,
    topic: 'data',
  };
}

const described = ['industry', 'segment', 'region', 'country', 'account_status', 'owner'] as const;

async function readFacts(context: AnswerContext): Promise<Row> {
  const { query, vocabulary } = context;
  const conditions = conditionsOf(vocabulary, { ...query, filters: [] }, 'accounts').conditions;
  if (vocabulary.profile.rowCount('accounts') === 0) return {};
  const columns = described.flatMap((name) => {
    const expression = dimensionSql(vocabulary, name, 'accounts');
    return expression ? [sql`max(${expression}) AS ${name}, `] : [];
  });
  const list = columns.reduce((all, each) => sql`${all}${each}`, raw(''));
  const rows = await context.run(
    sql`SELECT ${list}max(accounts.employees) AS employees, min(accounts.customer_since) AS customer_since\n${fromSql('accounts', [list, ...conditions])}${whereSql(conditions)}`,
  );
  return rows[0] ?? {};
}

async function readDeals(context: AnswerContext): Promise<Row> {
  const { query, vocabulary } = context;
  const conditions = conditionsOf(vocabulary, query, 'opportunities').conditions;
  const [won, lost, open] = (['won', 'lost', 'open'] as const).map((status) => statusSql(vocabulary, status));
  const rows = await context.run(
    sql`SELECT sum(CASE WHEN ${won ?? ''} THEN 1 ELSE 0 END) AS won_deals,\n  sum(CASE WHEN ${won ?? ''} THEN opportunities.amount END) AS won_amount,\n  sum(CASE WHEN ${lost ?? ''} THEN 1 ELSE 0 END) AS lost_deals,\n  sum(CASE WHEN ${open ?? ''} THEN 1 ELSE 0 END) AS open_deals,\n  sum(CASE WHEN ${open ?? ''} THEN opportunities.amount END) AS pipeline,\n  max(CASE WHEN ${won ?? ''} THEN opportunities.close_date END) AS last_won\n${fromSql('opportunities', conditions)}${whereSql(conditions)}`,
  );
  return rows[0] ?? {};
}

async function readUsage(context: AnswerContext): Promise<Row> {
  const { query, vocabulary, today } = context;
  const span = vocabulary.profile.span('usage.usage_date');
  if (!span) return {};
  const last = Math.min(span.last, today);
  const conditions = [
    ...conditionsOf(vocabulary, query, 'usage').conditions,
    sql`usage.usage_date >= ${date(last - 59)}`,
    sql`usage.usage_date < ${date(last + 1)}`,
  ];
  const middle = date(last - 29);
  const rows = await context.run(
    sql`SELECT sum(CASE WHEN usage.usage_date >= ${middle} THEN usage.units END) AS units_recent,\n  sum(CASE WHEN usage.usage_date < ${middle} THEN usage.units END) AS units_before\n${fromSql('usage', conditions)}${whereSql(conditions)}`,
  );
  return rows[0] ?? {};
}

async function readCalls(context: AnswerContext): Promise<Row> {
  const { query, vocabulary, today } = context;
  if (vocabulary.profile.rowCount('calls') === 0) return {};
  const conditions = [
    ...conditionsOf(vocabulary, query, 'calls').conditions,
    sql`calls.call_date < ${date(today + 1)}`,
  ];
  const rows = await context.run(
    sql`SELECT count(*) AS calls,\n  max(calls.call_date) AS last_call,\n  sum(CASE WHEN calls.call_date >= ${date(today - 89)} THEN 1 ELSE 0 END) AS recent_calls\n${fromSql('calls', conditions)}${whereSql(conditions)}`,
  );
  return rows[0] ?? {};
}

function headline(name: string, facts: Row, deals: Row): Text {
  const known = (cell: unknown): cell is string => typeof cell === 'string' && cell !== '';
  const kind = [facts.segment, facts.industry].filter(known).join(', ');
  const status = known(facts.account_status) ? facts.account_status : 'account';
  const since =
    dayText(facts.customer_since) === nothing ? say`` : say` since ${dayText(facts.customer_since)}`;
  const who = say`${strong(name)} is ${/^[aeiou]/i.test(status) ? 'an' : 'a'} ${status}${since}${kind ? say` (${kind})` : say``}.`;
  const won = numberIn(deals, 'won_deals');
  const worth = (cell: unknown) => (typeof cell === 'number' ? say` worth ${short(cell)}` : say``);
  const bought = say`${counted(won, ['deal', 'deals'])} won${worth(deals.won_amount)}, ${whole(numberIn(deals, 'lost_deals'))} lost, ${whole(numberIn(deals, 'open_deals'))} open${worth(deals.pipeline)}.`;
  return together([who, bought]);
}

function factTable(context: AnswerContext, facts: Row, deals: Row, usage: Row, calls: Row): Block {
  const before = numberIn(usage, 'units_before');
  const used =
    usage.units_recent === null || usage.units_recent === undefined
      ? nothing
      : `${formatMeasure(usage.units_recent, 'units')} units${before > 0 ? ` (${change(before, numberIn(usage, 'units_recent'))})` : ''}`;
  const rows: readonly (readonly [string, string])[] = [
    ['Industry', text(facts.industry)],
    ['Segment', text(facts.segment)],
    ['Employees', typeof facts.employees === 'number' ? whole(facts.employees) : nothing],
    ['Region', text(facts.region)],
    ['Country', text(facts.country)],
    ['Owner', text(facts.owner)],
    ['Won amount', money(deals.won_amount)],
    ['Last won', dayText(deals.last_won)],
    ['Open pipeline', money(deals.pipeline)],
    ['Usage, last 30 days', used],
    [
      'Calls, last 90 days',
      context.vocabulary.profile.rowCount('calls') > 0 ? whole(numberIn(calls, 'recent_calls')) : nothing,
    ],
    ['Last call', dayText(calls.last_call)],
  ];
  return table(
    ['Fact', 'Value'],
    rows.filter(([, value]) => value !== nothing),
  );
}

function openBlock(open: DealList): readonly Block[] {
  return open.total > 0 ? [{ ...open.table, title: 'Open deals' }] : [];
}
