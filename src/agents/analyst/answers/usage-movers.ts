import { conditionsOf, date, dimensionSql, fromSql, whereSql } from '../compile.ts';
import { type Answer, maxRows, table } from '../render/answer.ts';
import { change, formatMeasure, text, whole } from '../render/format.ts';
import { say, strong } from '../render/text.ts';
import { raw, type Sql, sql } from '../sql.ts';
import { readableDay } from '../words/calendar.ts';
import { type AnswerContext, missingNote, numberIn, readingNotes, scopeOf } from './context.ts';

/** A change is worth telling from this share on. */
const threshold = 0.2;
const window = 30;

/** Customers whose usage of the last 30 days is at least 20 % below (or above) that of the 30 days before. */
export async function answerUsageMovers(context: AnswerContext): Promise<Answer> {
  const { query, vocabulary, today } = context;
  const span = vocabulary.profile.span('usage.usage_date');
  if (!span || vocabulary.profile.filled('usage.units') === 0) return nothingKnown(context);
  const isRising = query.direction === 'rising';
  const last = Math.min(span.last, today);
  const own = conditionsOf(vocabulary, query, 'usage');
  const account = dimensionSql(vocabulary, 'account', 'usage') ?? raw('usage.account_id');
  const owner = dimensionSql(vocabulary, 'owner', 'usage') ?? raw('NULL');
  const conditions = [
    ...own.conditions,
    sql`usage.usage_date >= ${date(last - 2 * window + 1)}`,
    sql`usage.usage_date < ${date(last + 1)}`,
  ];
  const middle = date(last - window + 1);
  const units = (operator: string): Sql =>
    sql`sum(CASE WHEN usage.usage_date ${operator} ${middle} THEN usage.units ELSE 0 END)`;
  const [recent, before] = [units('>='), units('<')];
  const limit = Math.min(query.limit ?? maxRows, 50);
  const having = isRising
    ? sql`${recent} >= ${1 + threshold} * ${before}`
    : sql`${recent} <= ${1 - threshold} * ${before}`;
  const rows = await context.run(
    sql`SELECT ${account} AS account, ${owner} AS owner,\n  ${before} AS units_before,\n  ${recent} AS units_recent,\n  count(*) OVER () AS total\n${fromSql('usage', [account, owner, ...conditions])}${whereSql(conditions)}\nGROUP BY usage.account_id, 1, 2\nHAVING ${before} > 0 AND ${having}\nORDER BY units_recent / units_before ${isRising ? 'DESC' : 'ASC'}, units_before DESC, usage.account_id\nLIMIT ${limit}`,
  );
  const total = numberIn(rows[0], 'total');
  const word = isRising ? 'rising' : 'falling';
  const cells = rows.map((row) => [
    text(row.account),
    text(row.owner),
    formatMeasure(row.units_before, 'units'),
    formatMeasure(row.units_recent, 'units'),
    change(numberIn(row, 'units_before'), numberIn(row, 'units_recent')),
  ]);
  const first = rows[0];
  return {
    headline: !first
      ? say`No customer${scopeOf(query)} has usage ${word} by 20 % or more.`
      : say`${strong(`${whole(total)} ${total === 1 ? 'customer has' : 'customers have'} ${word} usage`)}${scopeOf(query)}; the steepest is ${strong(text(first.account))} with ${change(numberIn(first, 'units_before'), numberIn(first, 'units_recent'))}.`,
    blocks: first
      ? [
          table(['Account', 'Owner', '30 days before', 'Last 30 days', 'Change'], cells, {
            more: total - rows.length,
            numbers: [2, 3, 4],
          }),
        ]
      : [],
    notes: [...missingNote(own.missing), ...readingNotes(context)],
    period: `${readableDay(last - window + 1)} to ${readableDay(last)} against the 30 days before`,
    rules: [
      `${isRising ? 'Rising' : 'Falling'}: units of the last 30 days at least 20 % ${isRising ? 'above' : 'below'} those of the 30 days before; the steepest change comes first.`,
    ],
    understood: true,
    topic: 'data',
  };
}

function nothingKnown(context: AnswerContext): Answer {
  return {
    headline: say`The data have no usage, so nothing can be said about who uses more or less.`,
    blocks: [],
    notes: readingNotes(context),
    rules: [],
    understood: true,
    topic: 'data',
  };
}
