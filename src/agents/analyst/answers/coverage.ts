import { fromSql, selectionOf, whereSql } from '../compile.ts';
import { type Answer, table } from '../render/answer.ts';
import { money, short, whole } from '../render/format.ts';
import { say, strong } from '../render/text.ts';
import { type Population, populations } from '../semantic-layer/populations.ts';
import { sql } from '../sql.ts';
import { type Period, previousOf, relativeUnit } from '../words/period.ts';
import { type AnswerContext, applyPeriod, numberIn, readingNotes, scopeOf, wonLostRule } from './context.ts';

const yardsticks = 4;

/** Open pipeline of a period against what is usually won in such a period: the data hold no targets. */
export async function answerCoverage(context: AnswerContext): Promise<Answer> {
  const { query, today } = context;
  const period = query.periods[0] ?? relativeUnit('quarter', 0, today);
  const applied = applyPeriod(context, populations.open, period);
  const before = earlier(period);
  const [open, won, ...past] = await Promise.all([
    sumOf(context, populations.open, applied.period),
    sumOf(context, populations.won, period),
    ...before.map((each) => sumOf(context, populations.won, each)),
  ]);
  const usual = past.reduce((sum, row) => sum + row.amount, 0) / Math.max(1, past.length);
  const gap = usual - won.amount;
  const ratio = gap > 0 ? open.amount / gap : undefined;
  const rows = [
    [`Open, closing in ${period.label}`, whole(open.deals), money(open.amount)],
    [`Won already in ${period.label}`, whole(won.deals), money(won.amount)],
    ...before.map((each, index) => [
      `Won in ${each.label}`,
      whole(past[index]?.deals ?? 0),
      money(past[index]?.amount ?? 0),
    ]),
  ];
  const scope = scopeOf(query);
  return {
    headline:
      open.deals > 0 && open.withAmount === 0
        ? say`Pipeline coverage cannot be computed: the ${whole(open.deals)} open deals${scope} have no amount.`
        : ratio === undefined
          ? say`What is usually won${scope} in such a period (${short(usual)}) is won already (${short(won.amount)}); another ${strong(short(open.amount))} is open.`
          : say`Pipeline coverage${scope} for ${period.label} is ${strong(`${ratio.toFixed(1)} times`)}: ${short(open.amount)} open against ${short(gap)} still missing to the usual ${short(usual)}.`,
    blocks: [table(['Part', 'Deals', 'Amount'], rows, { numbers: [1, 2] })],
    notes: [
      say`The data have no targets, so the mean of the ${past.length} periods before stands in for one.`,
      ...applied.notes,
      ...readingNotes(context),
    ],
    period: applied.text,
    rules: [
      'Coverage: amount of open deals closing in the period, divided by the usual won amount less what is won already.',
      wonLostRule,
    ],
    understood: true,
    topic: 'deal',
  };
}

function earlier(period: Period): readonly Period[] {
  const found: Period[] = [];
  for (let at = previousOf(period); at && found.length < yardsticks; at = previousOf(at)) found.push(at);
  return found;
}

async function sumOf(context: AnswerContext, population: Population, period: Period | undefined) {
  const { conditions } = selectionOf(context.vocabulary, context.query, population, period);
  const rows = await context.run(
    sql`SELECT count(*) AS deals,\n  count(opportunities.amount) AS with_amount,\n  sum(opportunities.amount) AS amount\n${fromSql('opportunities', conditions)}${whereSql(conditions)}`,
  );
  return {
    deals: numberIn(rows[0], 'deals'),
    amount: numberIn(rows[0], 'amount'),
    withAmount: numberIn(rows[0], 'with_amount'),
  };
}
