import type { Row } from '../../../tools/warehouse/warehouse.ts';
import { conditionsOf, date, fromSql, whereSql } from '../compile.ts';
import { type Answer, table } from '../render/answer.ts';
import { change, dayText, formatMeasure, percent, short } from '../render/format.ts';
import { say, strong, type Text } from '../render/text.ts';
import { sql } from '../sql.ts';
import { type Trend, trendOf } from '../trend.ts';
import { formatDay, readableDay } from '../words/calendar.ts';
import { type AnswerContext, missingNote, numberIn, readingNotes, scopeOf } from './context.ts';

const weeks = 13;
const window = 30;

/** How the usage of an account goes: weekly sums of the last 13 whole weeks tested for a trend, and 30 days against the 30 before. */
export async function answerUsageTrend(context: AnswerContext): Promise<Answer> {
  const { query, vocabulary } = context;
  const name = query.account?.groups[0]?.name ?? '';
  if (vocabulary.profile.filled('usage.units') === 0)
    return withoutUsage(context, say`The data have no usage, so nothing can be said about a trend.`);
  const last = await lastDay(context);
  if (last === undefined) return withoutUsage(context, say`${strong(name)} has no usage in the data.`);
  const own = conditionsOf(vocabulary, query, 'usage');
  const from = last - weeks * 7 + 1;
  const conditions = [
    ...own.conditions,
    sql`usage.usage_date >= ${date(from)}`,
    sql`usage.usage_date < ${date(last + 1)}`,
  ];
  const rows = await context.run(
    sql`SELECT ${date(last)} - usage.usage_date AS days_before,\n  sum(usage.units) AS units,\n  sum(usage.active_users) AS active_users\n${fromSql('usage', conditions)}${whereSql(conditions)}\nGROUP BY 1\nORDER BY 1 DESC`,
  );
  const weekly = weeklySums(rows);
  const [recent, before] = [sumBetween(rows, 0, window), sumBetween(rows, window, 2 * window)];
  const trend = trendOf(weekly);
  return {
    headline: headline(context, name, trend, weekly, recent, before),
    blocks: [blockOf(rows, last)],
    notes: [...staleNote(context, last), ...missingNote(own.missing), ...readingNotes(context)],
    period: `${weeks} weeks up to the last day with usage (${readableDay(from)} to ${readableDay(last)})`,
    rules: [
      `Trend: Mann–Kendall test over ${weeks} weekly sums${trend ? ` (p = ${trend.pValue < 0.001 ? 'under 0.001' : trend.pValue.toFixed(3)}; a trend is called one under 0.05)` : ''}, slope by Theil–Sen. Days without a record count as no usage.`,
    ],
    understood: true,
    topic: 'data',
  };
}

async function lastDay(context: AnswerContext): Promise<number | undefined> {
  const own = conditionsOf(context.vocabulary, context.query, 'usage');
  const conditions = [...own.conditions, sql`usage.usage_date < ${date(context.today + 1)}`];
  const rows = await context.run(
    sql`SELECT max(usage.usage_date) - DATE '1970-01-01' AS last_day\n${fromSql('usage', conditions)}${whereSql(conditions)}`,
  );
  return typeof rows[0]?.last_day === 'number' ? rows[0].last_day : undefined;
}

/** Sums of whole weeks counted back from the last day, the oldest first. */
function weeklySums(rows: readonly Row[]): readonly number[] {
  const sums = new Array<number>(weeks).fill(0);
  for (const row of rows) {
    const week = weeks - 1 - Math.floor(numberIn(row, 'days_before') / 7);
    if (week >= 0) sums[week] = (sums[week] ?? 0) + numberIn(row, 'units');
  }
  const firstUsed = sums.findIndex((sum) => sum > 0);
  return sums.slice(Math.max(0, firstUsed));
}

function sumBetween(rows: readonly Row[], from: number, to: number, name = 'units'): number {
  return rows.reduce((sum, row) => {
    const days = numberIn(row, 'days_before');
    return days >= from && days < to ? sum + numberIn(row, name) : sum;
  }, 0);
}

const words = { rising: 'rising', falling: 'falling', none: 'steady' } as const;

function headline(
  { query }: AnswerContext,
  name: string,
  trend: Trend | undefined,
  weekly: readonly number[],
  recent: number,
  before: number,
): Text {
  const { account: _, ...others } = query;
  const filters = scopeOf(others);
  const compared =
    before > 0
      ? say`${short(recent)} units in the last 30 days, ${strong(change(before, recent))} against the 30 days before (${short(before)})`
      : say`${short(recent)} units in the last 30 days`;
  if (!trend)
    return say`Usage at ${strong(name)}${filters}: ${compared}. ${weekly.length} weeks are too few to call a trend.`;
  const mean = weekly.reduce((sum, value) => sum + value, 0) / weekly.length;
  const pace =
    trend.direction === 'none' || mean === 0
      ? say`, with no clear trend over ${weekly.length} weeks`
      : say`, by about ${percent(Math.abs(trend.slope) / mean)} a week over ${weekly.length} weeks`;
  return say`Usage at ${strong(name)}${filters} is ${strong(words[trend.direction])}${pace}: ${compared}.`;
}

function blockOf(rows: readonly Row[], last: number) {
  const cells = [];
  for (let week = 0; week < weeks; week++) {
    const units = sumBetween(rows, week * 7, week * 7 + 7);
    const users = sumBetween(rows, week * 7, week * 7 + 7, 'active_users') / 7;
    cells.push([
      dayText(formatDay(last - week * 7 - 6)),
      formatMeasure(units, 'units'),
      formatMeasure(users, 'units'),
    ]);
  }
  return table(['Week from', 'Units', 'Active users a day'], cells, { numbers: [1, 2] });
}

function staleNote({ today }: AnswerContext, last: number): readonly Text[] {
  return today - last > 7
    ? [
        say`The last day with usage is ${readableDay(last)}, ${today - last} days before today; the 30 days are counted back from it.`,
      ]
    : [];
}

function withoutUsage(context: AnswerContext, headline: Text): Answer {
  return { headline, blocks: [], notes: readingNotes(context), rules: [], understood: true, topic: 'data' };
}
