import { conditionsOf, fromSql, periodSql, populationConditions, statusSql, whereSql } from '../compile.ts';
import { type Answer, table } from '../render/answer.ts';
import { money, percent, short, whole } from '../render/format.ts';
import { say, strong, type Text } from '../render/text.ts';
import { populations } from '../semantic-layer/populations.ts';
import { raw, type Sql, sql } from '../sql.ts';
import { type Period, relativeUnit } from '../words/period.ts';
import { type AnswerContext, applyPeriod, missingNote, numberIn, readingNotes, scopeOf } from './context.ts';

/**
 * The forecast of a period: what is won already, plus each open deal's amount times its chance. The range takes deals as
 * independent: the variance of a sum of Bernoulli outcomes is the sum of amount² p (1 − p), and 80 % of a normal
 * distribution lie within 1.2816 standard deviations of its mean.
 */
const z80 = 1.2816;

export async function answerForecast(context: AnswerContext): Promise<Answer> {
  const { query, vocabulary, today } = context;
  const period = query.periods[0] ?? relativeUnit('quarter', 0, today);
  const applied = applyPeriod(context, populations.open, period);
  const own = conditionsOf(vocabulary, query, 'opportunities');
  const base = await baseRate(context, own.conditions);
  const chance = chanceSql(context, base.rate);
  const open = [...populationConditions(vocabulary, populations.open, applied.period), ...own.conditions];
  const won = [...populationConditions(vocabulary, populations.won, period), ...own.conditions];
  const [openRow, wonRow] = await Promise.all([
    first(
      context,
      sql`SELECT count(*) AS deals,\n  count(opportunities.amount) AS with_amount,\n  sum(opportunities.amount) AS pipeline,\n  sum(opportunities.amount * ${chance}) AS weighted,\n  sum(opportunities.amount * opportunities.amount * ${chance} * (1 - ${chance})) AS variance\n${fromSql('opportunities', open)}${whereSql(open)}`,
    ),
    first(
      context,
      sql`SELECT count(*) AS deals,\n  sum(opportunities.amount) AS won_amount\n${fromSql('opportunities', won)}${whereSql(won)}`,
    ),
  ]);
  return compose(context, {
    period,
    openRow,
    wonRow,
    base,
    text: applied.text,
    notes: [...applied.notes, ...missingNote(own.missing)],
  });
}

type Numbers = Readonly<Record<string, string | number | boolean | null>>;

async function first(context: AnswerContext, query: Sql): Promise<Numbers> {
  return (await context.run(query))[0] ?? {};
}

/** The share of deals won over the last 365 days: for open deals without a probability. */
async function baseRate(context: AnswerContext, conditions: readonly Sql[]) {
  const { vocabulary, today } = context;
  const needed = vocabulary.openDeals.withProbability < vocabulary.openDeals.count;
  if (!needed) return { rate: undefined, needed };
  const year = { from: today - 364, to: today, label: '' };
  const where = [
    statusSql(vocabulary, 'closed'),
    ...periodSql('opportunities.close_date', year),
    ...conditions,
  ];
  const row = await first(
    context,
    sql`SELECT count(*) AS closed,\n  sum(CASE WHEN ${statusSql(vocabulary, 'won')} THEN 1 ELSE 0 END) AS won\n${fromSql('opportunities', where)}${whereSql(where)}`,
  );
  const closed = numberIn(row, 'closed');
  return { rate: closed > 0 ? numberIn(row, 'won') / closed : undefined, needed };
}

function chanceSql({ vocabulary }: AnswerContext, rate: number | undefined): Sql {
  const own = vocabulary.profile.probabilityIsFraction
    ? 'opportunities.probability'
    : 'opportunities.probability / 100.0';
  const hasOwn = vocabulary.openDeals.withProbability > 0;
  if (rate === undefined) return raw(hasOwn ? `(${own})` : 'CAST(NULL AS DOUBLE)');
  const fallback = rate.toFixed(4);
  return raw(hasOwn ? `coalesce(${own}, ${fallback})` : fallback);
}

interface Parts {
  readonly period: Period;
  readonly openRow: Numbers;
  readonly wonRow: Numbers;
  readonly base: { readonly rate: number | undefined; readonly needed: boolean };
  readonly text: string;
  readonly notes: readonly Text[];
}

function compose(context: AnswerContext, { period, openRow, wonRow, base, text, notes }: Parts): Answer {
  const [won, weighted] = [numberIn(wonRow, 'won_amount'), numberIn(openRow, 'weighted')];
  const spread = z80 * Math.sqrt(Math.max(0, numberIn(openRow, 'variance')));
  const [low, high] = [
    won + Math.max(0, weighted - spread),
    Math.min(won + numberIn(openRow, 'pipeline'), won + weighted + spread),
  ];
  const canWeigh = openRow.weighted !== null || numberIn(openRow, 'deals') === 0;
  const headline = canWeigh
    ? say`The forecast${scopeOf(context.query)} for ${period.label} is ${strong(short(won + weighted))}: ${short(won)} won already and ${short(weighted)} expected from ${whole(numberIn(openRow, 'deals'))} open deals.${spread > 0 ? say` An 80 % range is ${short(low)} to ${short(high)}.` : say``}`
    : say`${strong(short(won))} is won${scopeOf(context.query)} in ${period.label}; the ${whole(numberIn(openRow, 'deals'))} open deals have no amounts to forecast with.`;
  const rows = [
    ['Won already', whole(numberIn(wonRow, 'deals')), money(won)],
    ['Open, closing in the period', whole(numberIn(openRow, 'deals')), money(openRow.pipeline)],
    ['Open, weighted', whole(numberIn(openRow, 'with_amount')), money(openRow.weighted)],
    ['Forecast', '', canWeigh ? money(won + weighted) : money(null)],
  ];
  const without = numberIn(openRow, 'deals') - numberIn(openRow, 'with_amount');
  return {
    headline,
    blocks: [table(['Part', 'Deals', 'Amount'], rows, { numbers: [1, 2] })],
    notes: [
      ...notes,
      ...(without > 0
        ? [say`${whole(without)} open deals have no amount and add nothing to the forecast.`]
        : []),
      ...readingNotes(context),
    ],
    period: text,
    rules: [
      method(context, base),
      'Range: each deal is won or lost by itself with its chance; 80 % of outcomes lie within 1.28 standard deviations.',
    ],
    understood: true,
    topic: 'deal',
  };
}

function method({ vocabulary }: AnswerContext, { rate, needed }: Parts['base']): string {
  const own = vocabulary.openDeals.withProbability > 0;
  const fallback = rate === undefined ? '' : `the win rate of the last 365 days (${percent(rate)})`;
  const chance = own
    ? `its probability${needed && fallback ? `, or ${fallback} where it has none` : ''}`
    : fallback || 'no known chance';
  return `Method: amount won in the period, plus for each open deal that closes in it its amount times ${chance}.`;
}
