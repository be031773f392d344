import { conditionsOf, date, dimensionSql, fromSql, statusSql, whereSql } from '../compile.ts';
import { type Answer, maxRows, table } from '../render/answer.ts';
import { dayText, money, text, whole } from '../render/format.ts';
import { say, strong } from '../render/text.ts';
import { raw, type Sql, sql } from '../sql.ts';
import { type AnswerContext, missingNote, numberIn, readingNotes, scopeOf } from './context.ts';
import { answerStale } from './stale.ts';

const usualDays = 60;

/** Accounts with no call and no work on a deal for some days, those with the largest open pipeline first. */
export async function answerInactive(context: AnswerContext): Promise<Answer> {
  const { query, vocabulary, today } = context;
  const asksDeals = query.measures.some((name) => name.endsWith('deals')) || query.status !== undefined;
  if (asksDeals) return answerStale(context);
  const sources = sourcesOf(context);
  if (sources.length === 0) return withoutActivity(context);
  const days = query.days ?? usualDays;
  const own = conditionsOf(vocabulary, query, 'accounts');
  const owner = dimensionSql(vocabulary, 'owner', 'accounts') ?? raw('NULL');
  const last =
    sources.length === 1
      ? 'activity_0.last_day'
      : `greatest(coalesce(activity_0.last_day, activity_1.last_day), coalesce(activity_1.last_day, activity_0.last_day))`;
  const conditions = [sql`(${last} IS NULL OR ${last} <= ${date(today - days)})`, ...own.conditions];
  const joins = sources.map(
    (source, index) =>
      sql`\nLEFT JOIN (${source}) AS activity_${index} ON activity_${index}.account_id = accounts.account_id`,
  );
  const pipeline = sql`\nLEFT JOIN (SELECT account_id, sum(amount) AS amount FROM opportunities WHERE ${statusSql(vocabulary, 'open')} GROUP BY account_id) AS pipeline ON pipeline.account_id = accounts.account_id`;
  const rows = await context.run(
    sql`SELECT accounts.name AS account, ${owner} AS owner, ${last} AS last_day, pipeline.amount AS pipeline, count(*) OVER () AS total\n${fromSql('accounts', [owner, ...conditions])}${joins[0] ?? ''}${joins[1] ?? ''}${pipeline}${whereSql(conditions)}\nORDER BY pipeline.amount DESC NULLS LAST, 3 ASC NULLS FIRST, accounts.account_id\nLIMIT ${query.limit ?? maxRows}`,
  );
  const total = numberIn(rows[0], 'total');
  const cells = rows.map((row) => [
    text(row.account),
    text(row.owner),
    row.last_day === null ? 'never' : dayText(row.last_day),
    money(row.pipeline),
  ]);
  return {
    headline:
      total === 0
        ? say`Every account${scopeOf(query)} had activity in the last ${days} days.`
        : say`${strong(whole(total))} of ${whole(vocabulary.profile.rowCount('accounts'))} accounts${scopeOf(query)} had no activity in the last ${days} days.`,
    blocks:
      total === 0
        ? []
        : [
            table(['Account', 'Owner', 'Last activity', 'Open pipeline'], cells, {
              more: total - rows.length,
              numbers: [3],
            }),
          ],
    notes: [...missingNote(own.missing), ...readingNotes(context)],
    period: `up to ${dayText(new Date(today * 86_400_000).toISOString())}`,
    rules: [
      `Activity: ${sources.length > 1 ? 'a call, or work on a deal (its last activity date)' : 'what the data have of calls and of work on deals'}. Accounts with the largest open pipeline come first.`,
    ],
    understood: true,
    topic: 'data',
  };
}

function sourcesOf({ vocabulary, today }: AnswerContext): readonly Sql[] {
  const { profile } = vocabulary;
  const upTo = date(today + 1);
  return [
    ...(profile.filled('calls.call_date') > 0
      ? [
          sql`SELECT account_id, max(call_date) AS last_day FROM calls WHERE call_date < ${upTo} GROUP BY account_id`,
        ]
      : []),
    ...(profile.filled('opportunities.last_activity_date') > 0
      ? [
          sql`SELECT account_id, max(last_activity_date) AS last_day FROM opportunities WHERE last_activity_date < ${upTo} GROUP BY account_id`,
        ]
      : []),
  ];
}

function withoutActivity(context: AnswerContext): Answer {
  return {
    headline: say`Activity can't be told from the data: there are no calls with a date, and no deal has a last activity date.`,
    blocks: [],
    notes: readingNotes(context),
    rules: [],
    understood: true,
    topic: 'data',
  };
}
