import type { Row } from '../../../tools/warehouse/warehouse.ts';
import { conditionsOf, date, fromSql, periodSql, statusSql, whereSql } from '../compile.ts';
import { type Answer, maxRows, table } from '../render/answer.ts';
import { counted, short, text, whole } from '../render/format.ts';
import { say, strong, type Text } from '../render/text.ts';
import { join, raw, type Sql, sql } from '../sql.ts';
import {
  type AnswerContext,
  missingNote,
  numberIn,
  periodText,
  readingNotes,
  scopeOf,
  wonLostRule,
} from './context.ts';
import { dealColumns } from './deal-rows.ts';

/** A deal nobody has worked on for so many days is stale, … */
const inactiveDays = 30;
/** … and so is one that is open so many times as long as three quarters of the won deals took. */
const ageFactor = 1.5;

/** Open deals that look stale: no activity, close date passed, or open for far longer than won deals take. */
export async function answerStale(context: AnswerContext): Promise<Answer> {
  const { query, vocabulary } = context;
  const days = query.days ?? inactiveDays;
  const ageLimit = await readAgeLimit(context);
  const rules = rulesOf(context, days, ageLimit);
  const own = conditionsOf(vocabulary, query, 'opportunities');
  if (rules.length === 0) return withoutDates(context);
  const closing = query.periods[0] ? periodSql('opportunities.close_date', query.periods[0]) : [];
  const rows = await context.run(listSql(context, rules, [...own.conditions, ...closing]));
  return {
    headline: headline(context, rows, rules),
    blocks: rows.length > 0 ? [listTable(context, rows, rules)] : [],
    notes: [...missing(context), ...missingNote(own.missing), ...readingNotes(context)],
    period: query.periods[0] ? periodText(query.periods[0], 'by expected close date') : 'all open deals',
    rules: [
      `Stale when one of these holds: ${rules.map(({ label }) => label).join('; ')}. Those with most signs come first, then the largest.`,
      wonLostRule,
    ],
    understood: true,
    topic: 'deal',
  };
}

interface Rule {
  readonly name: string;
  readonly label: string;
  readonly sign: (row: Row) => string;
  readonly sql: Sql;
}

async function readAgeLimit({ run, vocabulary }: AnswerContext): Promise<number | undefined> {
  const { profile } = vocabulary;
  if (profile.filled('opportunities.created_date') === 0 || profile.filled('opportunities.close_date') === 0)
    return undefined;
  const rows = await run(
    sql`SELECT percentile_cont(0.75) WITHIN GROUP (ORDER BY opportunities.close_date - opportunities.created_date) AS third_quartile_days\nFROM opportunities\nWHERE ${statusSql(vocabulary, 'won')}`,
  );
  const days = rows[0]?.third_quartile_days;
  return typeof days === 'number' && days > 0 ? Math.round(days * ageFactor) : undefined;
}

function rulesOf(
  { vocabulary, today }: AnswerContext,
  days: number,
  ageLimit: number | undefined,
): readonly Rule[] {
  const { openDeals, profile } = vocabulary;
  const found: Rule[] = [];
  const now = date(today);
  if (openDeals.withActivity > 0) {
    const idle = (row: Row) =>
      row.idle_days === null ? 'never worked on' : `no activity for ${text(row.idle_days)} days`;
    found.push({
      name: 'is_idle',
      label: `no activity for ${days} days`,
      sign: idle,
      sql: sql`coalesce(${now} - opportunities.last_activity_date, ${days}) >= ${days}`,
    });
  }
  if (openDeals.withCloseDate > 0) {
    found.push({
      name: 'is_overdue',
      label: 'its close date has passed',
      sign: () => 'close date passed',
      sql: sql`opportunities.close_date < ${now}`,
    });
  }
  if (ageLimit !== undefined && profile.filled('opportunities.created_date') > 0) {
    found.push({
      name: 'is_old',
      label: `open for more than ${ageLimit} days (1.5 times what three quarters of the won deals took)`,
      sign: (row) => `open for ${text(row.open_days)} days`,
      sql: sql`${now} - opportunities.created_date > ${ageLimit}`,
    });
  }
  return found;
}

function listSql(context: AnswerContext, rules: readonly Rule[], own: readonly Sql[]): Sql {
  const { query, vocabulary, today } = context;
  const columns = dealColumns(vocabulary).map((column) => sql`${column.sql} AS ${column.name}`);
  const flags = rules.map((rule) => sql`CASE WHEN ${rule.sql} THEN 1 ELSE 0 END AS ${rule.name}`);
  const ages = [
    sql`${date(today)} - opportunities.last_activity_date AS idle_days`,
    sql`${date(today)} - opportunities.created_date AS open_days`,
  ];
  const conditions = [
    statusSql(vocabulary, 'open'),
    sql`(${join(
      rules.map((rule) => rule.sql),
      ' OR ',
    )})`,
    ...own,
  ];
  const totals = [
    raw('count(*) OVER () AS total'),
    raw('sum(opportunities.amount) OVER () AS total_amount'),
    ...rules.map((rule) => sql`sum(CASE WHEN ${rule.sql} THEN 1 ELSE 0 END) OVER () AS ${rule.name}_total`),
  ];
  const signs = rules.map(({ name }) => name).join(' + ');
  const limit = Math.min(query.limit ?? maxRows, 50);
  return sql`SELECT ${join([...columns, ...ages, ...flags, ...totals], ',\n  ')}\n${fromSql('opportunities', [...columns, ...conditions])}${whereSql(conditions)}\nORDER BY ${signs} DESC, opportunities.amount DESC NULLS LAST, opportunities.opportunity_id\nLIMIT ${limit}`;
}

function headline({ query, vocabulary }: AnswerContext, rows: readonly Row[], rules: readonly Rule[]): Text {
  const total = numberIn(rows[0], 'total');
  const scope = scopeOf(query);
  if (total === 0) return say`None of the open deals${scope} looks stale.`;
  const parts = rules.map(
    ({ name, label }) => `${whole(numberIn(rows[0], `${name}_total`))} with ${shortLabel(name, label)}`,
  );
  const amount = numberIn(rows[0], 'total_amount');
  const worth = amount > 0 ? say`, worth ${strong(short(amount))} together,` : say``;
  const of =
    scope.plain === '' ? say` of ${whole(vocabulary.openDeals.count)} open deals` : say` open deals${scope}`;
  return say`${strong(whole(total))}${of}${worth} ${total === 1 ? 'looks' : 'look'} stale: ${parts.join(', ')}.`;
}

const shortLabel = (name: string, label: string): string =>
  name === 'is_idle' ? label : name === 'is_overdue' ? 'a close date that has passed' : 'an unusual age';

function listTable({ vocabulary }: AnswerContext, rows: readonly Row[], rules: readonly Rule[]) {
  const columns = dealColumns(vocabulary);
  const cells = rows.map((row) => [
    ...columns.map(({ write }) => write(row)),
    rules
      .filter(({ name }) => row[name] === 1)
      .map(({ sign }) => sign(row))
      .join(', '),
  ]);
  return table([...columns.map(({ label }) => label), 'Signs'], cells, {
    more: numberIn(rows[0], 'total') - rows.length,
    numbers: columns.flatMap(({ isNumber }, index) => (isNumber ? [index] : [])),
  });
}

function missing({ vocabulary }: AnswerContext): readonly Text[] {
  const { openDeals } = vocabulary;
  const without = [
    ...(openDeals.withActivity === 0 ? ['last activity date'] : []),
    ...(openDeals.withCloseDate === 0 ? ['close date'] : []),
  ];
  return without.map(
    (name) => say`Open deals have no ${name} in the data, so that sign could not be checked.`,
  );
}

function withoutDates(context: AnswerContext): Answer {
  const count = context.vocabulary.openDeals.count;
  return {
    headline: say`Whether a deal is stale can't be told: the ${counted(count, ['open deal has', 'open deals have'])} neither a last activity date nor a close date nor a creation date.`,
    blocks: [],
    notes: readingNotes(context),
    rules: [],
    understood: true,
    topic: 'deal',
  };
}
