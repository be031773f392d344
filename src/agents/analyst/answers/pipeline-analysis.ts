import { date, dimensionSql, fromSql, probabilitySql, selectionOf, whereSql } from '../compile.ts';
import { type Answer, type Block, table } from '../render/answer.ts';
import { counted, money, nothing, percent, short, text, whole } from '../render/format.ts';
import { say, strong, type Text } from '../render/text.ts';
import { type DimensionName, dimensionOf } from '../semantic-layer/dimensions.ts';
import { populations } from '../semantic-layer/populations.ts';
import { raw, type Sql, sql } from '../sql.ts';
import {
  type AnswerContext,
  type AppliedPeriod,
  applyPeriod,
  fallbackNotes,
  missingNote,
  numberIn,
  readingNotes,
  scopeOf,
  wonLostRule,
} from './context.ts';
import { listDeals } from './deal-rows.ts';
import { amountNote } from './deals.ts';

/** The open deals that close in a period: how many, worth what, at which stage, whose, the largest, and what is overdue. */
export async function answerPipelineAnalysis(context: AnswerContext): Promise<Answer> {
  const { query, vocabulary, today } = context;
  const applied = applyPeriod(context, populations.open);
  const { conditions, missing } = selectionOf(vocabulary, query, populations.open, applied.period);
  const splits = (['stage', 'region', 'owner'] as const).filter((name) =>
    dimensionSql(vocabulary, name, 'opportunities'),
  );
  const [totals, largest, ...tables] = await Promise.all([
    context.run(
      sql`SELECT ${totalList(context, today)}\n${fromSql('opportunities', conditions)}${whereSql(conditions)}`,
    ),
    listDeals(context, { conditions, order: raw('opportunities.amount DESC NULLS LAST'), limit: 5 }),
    ...splits.map((name) => split(context, name, conditions)),
  ]);
  const total = totals[0];
  const isEmpty = numberIn(total, 'deals') === 0;
  return {
    headline: isEmpty
      ? say`There are no open deals${scopeOf(query)}${closing(applied)}.`
      : headline(context, applied, total ?? {}),
    blocks: isEmpty ? [] : [...tables, { ...largest.table, more: 0, title: 'Largest deals' }],
    notes: [
      ...applied.notes,
      ...missingNote(missing),
      ...amountNote(populations.open, largest),
      ...overdueNote(total ?? {}),
      ...readingNotes(context),
    ],
    period: applied.text,
    rules: [
      'Weighted: sum of amount times probability.',
      wonLostRule,
      ...fallbackNotes(context, ['region'], 'opportunities'),
    ],
    understood: true,
    topic: 'deal',
  };
}

const closing = ({ phrase }: AppliedPeriod): Text => (phrase.plain ? say` closing${phrase}` : say``);

function weighted({ vocabulary }: AnswerContext): Sql {
  return vocabulary.openDeals.withProbability > 0
    ? sql`sum(opportunities.amount * ${probabilitySql(vocabulary)})`
    : raw('CAST(NULL AS DOUBLE)');
}

function totalList(context: AnswerContext, today: number): Sql {
  return sql`count(*) AS deals,\n  sum(opportunities.amount) AS pipeline,\n  avg(opportunities.amount) AS average_amount,\n  ${weighted(context)} AS weighted,\n  sum(CASE WHEN opportunities.close_date < ${date(today)} THEN 1 ELSE 0 END) AS overdue`;
}

async function split(
  context: AnswerContext,
  name: DimensionName,
  conditions: readonly Sql[],
): Promise<Block> {
  const expression = dimensionSql(context.vocabulary, name, 'opportunities') as Sql;
  const rows = await context.run(
    sql`SELECT ${expression} AS ${name},\n  count(*) AS deals,\n  sum(opportunities.amount) AS pipeline,\n  ${weighted(context)} AS weighted,\n  sum(sum(opportunities.amount)) OVER () AS whole,\n  count(*) OVER () AS group_total\n${fromSql('opportunities', [expression, ...conditions])}${whereSql(conditions)}\nGROUP BY 1\nORDER BY pipeline DESC NULLS LAST, 1\nLIMIT 8`,
  );
  const cells = rows.map((row) => [
    text(row[name]),
    whole(numberIn(row, 'deals')),
    money(row.pipeline),
    row.pipeline === null || !numberIn(row, 'whole')
      ? nothing
      : percent(numberIn(row, 'pipeline') / numberIn(row, 'whole')),
    money(row.weighted),
  ]);
  const label = dimensionOf(name).label;
  return table([label, 'Deals', 'Pipeline', 'Share', 'Weighted'], cells, {
    title: `By ${label.toLowerCase()}`,
    numbers: [1, 2, 3, 4],
    more: numberIn(rows[0], 'group_total') - rows.length,
  });
}

function headline(
  { query }: AnswerContext,
  applied: AppliedPeriod,
  total: Readonly<Record<string, unknown>>,
): Text {
  const value = (name: string) => (typeof total[name] === 'number' ? (total[name] as number) : undefined);
  const [pipeline, average, weight] = [value('pipeline'), value('average_amount'), value('weighted')];
  const deals = counted(value('deals') ?? 0, populations.open.noun);
  const parts = say`${strong(deals)}${scopeOf(query)}${closing(applied)}`;
  if (pipeline === undefined) return say`${parts}; none of them has an amount, so nothing can be summed.`;
  const weightText = weight === undefined ? say`` : say`, ${strong(short(weight))} weighted by probability`;
  return say`${parts}: ${strong(short(pipeline))} in all${weightText}, ${short(average ?? 0)} on average.`;
}

function overdueNote(total: Readonly<Record<string, unknown>>): readonly Text[] {
  const overdue = typeof total.overdue === 'number' ? total.overdue : 0;
  return overdue > 0
    ? [
        say`${counted(overdue, ['of these deals has', 'of these deals have'])} a close date that has passed already.`,
      ]
    : [];
}
