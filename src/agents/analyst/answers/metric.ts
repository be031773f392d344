import type { Row } from '../../../tools/warehouse/warehouse.ts';
import {
  dimensionSql,
  emptyNeeds,
  fromSql,
  grainSql,
  measureSql,
  selectionOf,
  whereSql,
} from '../compile.ts';
import { type Answer, type Block, maxRows, table } from '../render/answer.ts';
import { formatMeasure, grainText, tellMeasure, text, whole } from '../render/format.ts';
import { data, say, strong, type Text, together } from '../render/text.ts';
import { type DimensionName, dimensionOf } from '../semantic-layer/dimensions.ts';
import { companionsOf, type Measure, measureOf } from '../semantic-layer/measures.ts';
import { type Population, populations } from '../semantic-layer/populations.ts';
import { join, raw, type Sql, sql } from '../sql.ts';
import type { Period } from '../words/period.ts';
import {
  type AnswerContext,
  applyPeriod,
  fallbackNotes,
  missingNote,
  numberIn,
  readingNotes,
  scopeOf,
  wonLostRule,
} from './context.ts';
import { topicOf } from './topic.ts';

/** A measure, alone or by one or two dimensions or over time, with what belongs to it from the same rows. */
export async function answerMetric(context: AnswerContext): Promise<Answer> {
  const asked = context.query.measures.map(measureOf);
  const main = asked[0] as Measure;
  const empty = emptyNeeds(context.vocabulary, main);
  const population = populations[main.population] as Population;
  if (empty.length > 0) return withoutData(context, main, empty);
  const plan = planOf(context, main, asked, population);
  const [totals, rows] = await Promise.all([
    context.run(totalSql(context, plan)),
    plan.groups.length > 0 ? context.run(groupedSql(context, plan)) : [],
  ]);
  const total = totals[0] ?? {};
  return {
    headline: headline(context, plan, total, rows),
    blocks: plan.groups.length > 0 ? [groupedTable(context, plan, rows)] : totalBlocks(plan, total),
    notes: [...plan.notes, ...holes(plan, total), ...readingNotes(context)],
    period: plan.periodText,
    rules: [
      ...plan.measures.slice(0, asked.length).map((each) => `${each.label}: ${each.description}.`),
      ...(population.status ? [wonLostRule] : []),
      ...fallbackNotes(
        context,
        [...plan.dimensions, ...context.query.filters.map((filter) => filter.dimension)],
        population.fact,
      ),
    ],
    understood: true,
    topic: topicOf(context.query),
  };
}

interface Plan {
  readonly main: Measure;
  /** What was asked first, then its companions. */
  readonly measures: readonly Measure[];
  readonly population: Population;
  readonly dimensions: readonly DimensionName[];
  readonly groups: readonly { readonly label: string; readonly name: string; readonly sql: Sql }[];
  readonly conditions: readonly Sql[];
  readonly notes: readonly Text[];
  readonly periodText: string;
  readonly phrase: Text;
}

/** Measures of other rows than the main one's are answered by its companions only. */
function planOf(
  context: AnswerContext,
  main: Measure,
  asked: readonly Measure[],
  population: Population,
): Plan {
  const { query, vocabulary } = context;
  const applied = applyPeriod(context, population);
  const { conditions, missing } = selectionOf(vocabulary, query, population, applied.period);
  const same = [...asked, ...companionsOf(main)].filter(
    (each) => each.population === main.population && emptyNeeds(vocabulary, each).length === 0,
  );
  const dimensions = query.dimensions.filter((name) => dimensionSql(vocabulary, name, population.fact));
  const without = query.dimensions.filter((name) => !dimensions.includes(name));
  const others = asked.filter((each) => each.population !== main.population);
  return {
    main,
    measures: [...new Set(same)],
    population,
    dimensions,
    groups: groupsOf(context, dimensions, population),
    conditions,
    notes: [
      ...applied.notes,
      ...missingNote(missing),
      ...without.map(
        (name) =>
          say`The data have no ${dimensionOf(name).label.toLowerCase()} for these rows, so they could not be split by it.`,
      ),
      ...others.map((each) => say`${each.label} is of other rows; ask for it separately.`),
    ],
    periodText: applied.text,
    phrase: applied.phrase,
  };
}

function groupsOf(
  { query, vocabulary }: AnswerContext,
  dimensions: readonly DimensionName[],
  population: Population,
) {
  const grain = query.grain;
  return [
    ...(grain
      ? [
          {
            label: grain[0]?.toUpperCase() + grain.slice(1),
            name: grain,
            sql: grainSql(grain, population.date),
          },
        ]
      : []),
    ...dimensions.map((name) => ({
      label: dimensionOf(name).label,
      name,
      sql: dimensionSql(vocabulary, name, population.fact) as Sql,
    })),
  ];
}

function selectList(context: AnswerContext, { measures, population }: Plan): Sql {
  const list = measures.map((each) => sql`${measureSql(context.vocabulary, each)} AS ${each.name}`);
  const needsAmount = measures.some(({ needs }) => needs.includes('opportunities.amount'));
  return join(
    [
      ...list,
      sql`count(*) AS row_total`,
      ...(needsAmount && population.fact === 'opportunities'
        ? [raw('count(opportunities.amount) AS with_amount')]
        : []),
    ],
    ',\n  ',
  );
}

function totalSql(context: AnswerContext, plan: Plan): Sql {
  const from = fromSql(plan.population.fact, plan.conditions);
  return sql`SELECT ${selectList(context, plan)}\n${from}${whereSql(plan.conditions)}`;
}

/** At most so many groups are fetched; how many there are is counted beside. */
const maxGroups = 50;

function groupedSql(context: AnswerContext, plan: Plan): Sql {
  const { query } = context;
  const keys = plan.groups.map((group) => sql`${group.sql} AS ${group.name}`);
  const numbers = plan.groups.map((_, index) => index + 1).join(', ');
  const from = fromSql(plan.population.fact, [...plan.groups.map((group) => group.sql), ...plan.conditions]);
  const direction = query.order === 'smallest' ? 'ASC' : 'DESC';
  const order = query.grain ? `${numbers}` : `${plan.main.name} ${direction} NULLS LAST, ${numbers}`;
  return sql`SELECT ${join(keys, ', ')},\n  ${selectList(context, plan)},\n  count(*) OVER () AS group_total\n${from}${whereSql(plan.conditions)}\nGROUP BY ${numbers}\nORDER BY ${order}\nLIMIT ${maxGroups}`;
}

function groupedTable({ query }: AnswerContext, plan: Plan, rows: readonly Row[]): Block {
  const { groups, measures } = plan;
  const limit = Math.min(query.limit ?? maxRows, maxRows);
  const shown = query.grain ? rows.slice(-limit) : rows.slice(0, limit);
  const cells = shown.map((row) => [
    ...groups.map(({ name }) => (name === query.grain ? grainText(row[name], query.grain) : text(row[name]))),
    ...measures.map((each) => formatMeasure(row[each.name], each.unit)),
  ]);
  const more =
    query.limit !== undefined && query.limit <= maxRows ? 0 : numberIn(rows[0], 'group_total') - cells.length;
  return table([...groups.map(({ label }) => label), ...measures.map(({ label }) => label)], cells, {
    more,
    numbers: measures.map((_, index) => groups.length + index),
  });
}

function totalBlocks({ measures }: Plan, total: Row): readonly Block[] {
  if (measures.length < 2 || numberIn(total, 'row_total') === 0) return [];
  const cells = measures.map((each) => [each.label, formatMeasure(total[each.name], each.unit)]);
  return [table(['Measure', 'Value'], cells, { numbers: [1] })];
}

function headline(context: AnswerContext, plan: Plan, total: Row, rows: readonly Row[]): Text {
  const { main, population, groups, phrase } = plan;
  const scope = scopeOf(context.query);
  if (numberIn(total, 'row_total') === 0) {
    return say`There are no ${population.noun[1]}${scope}${phrase}.`;
  }
  if (total[main.name] === null) return incomputable(plan, total, scope);
  const all = say`${main.label}${scope}${phrase}: ${strong(tellMeasure(total[main.name], main.unit))}${overRows(plan, total)}.`;
  const first = rows[0];
  const group = groups[0];
  if (
    !first ||
    first[main.name] === null ||
    !group ||
    context.query.grain ||
    groups.length > 1 ||
    rows.length < 2
  )
    return all;
  const name = text(first[group.name]);
  const word = context.query.order === 'smallest' ? 'lowest' : 'highest';
  const value = tellMeasure(first[main.name], main.unit);
  return together([
    all,
    say`${name === '–' ? `No ${group.label.toLowerCase()}` : strong(name)} is ${word} with ${value}.`,
  ]);
}

/** There are rows, and in none of them what the measure is made of. */
function incomputable({ main, population, phrase }: Plan, total: Row, scope: Text): Text {
  const count = numberIn(total, 'row_total');
  const [one, many] = population.noun;
  const what =
    total.with_amount === 0 ? (count === 1 ? 'no amount' : 'no amounts') : 'nothing to compute it from';
  return say`${main.label}${scope}${phrase} cannot be computed: the ${count === 1 ? say`only ${one} has` : say`${strong(whole(count))} ${many} have`} ${what}.`;
}

function overRows({ main, population }: Plan, total: Row): Text {
  const count = numberIn(total, 'row_total');
  if (main.sql === 'count(*)' || main.unit === 'units') return data('');
  return say`, over ${whole(count)} ${population.noun[count === 1 ? 0 : 1]}`;
}

function holes({ population }: Plan, total: Row): readonly Text[] {
  const count = numberIn(total, 'row_total');
  const without = count - numberIn(total, 'with_amount');
  if (total.with_amount === undefined || without === 0) return [];
  if (without === count) return [say`None of the ${whole(count)} ${population.noun[1]} has an amount.`];
  return [
    say`${whole(without)} of the ${whole(count)} ${population.noun[1]} ${without === 1 ? 'has' : 'have'} no amount; sums and averages are over the others.`,
  ];
}

/** The column that the measure rests on is empty: what can still be said is the number of rows. */
async function withoutData(context: AnswerContext, main: Measure, empty: readonly string[]): Promise<Answer> {
  const { vocabulary, query } = context;
  const population = populations[main.population] as Population;
  const applied = applyPeriod(context, population);
  const { conditions } = selectionOf(vocabulary, query, population, applied.period);
  const rows = await context.run(
    sql`SELECT count(*) AS row_total\n${fromSql(population.fact, conditions)}${whereSql(conditions)}`,
  );
  const count = numberIn(rows[0], 'row_total');
  return {
    headline: say`${main.label} cannot be computed: ${empty.join(' and ')} ${empty.length === 1 ? 'is' : 'are'} empty in the data. There ${count === 1 ? 'is' : 'are'} ${strong(whole(count))} ${population.noun[count === 1 ? 0 : 1]}${scopeOf(query)}${applied.phrase}.`,
    blocks: [],
    notes: [...applied.notes, ...readingNotes(context)],
    period: applied.text,
    rules: [`${main.label}: ${main.description}.`],
    understood: true,
    topic: topicOf(query),
  };
}

/** One measure over one period: for comparing. */
export async function measureIn(
  context: AnswerContext,
  main: Measure,
  period: Period | undefined,
): Promise<Row> {
  const population = populations[main.population] as Population;
  const { conditions } = selectionOf(context.vocabulary, context.query, population, period);
  const rows = await context.run(
    sql`SELECT ${measureSql(context.vocabulary, main)} AS ${main.name}, count(*) AS row_total\n${fromSql(population.fact, conditions)}${whereSql(conditions)}`,
  );
  return rows[0] ?? {};
}

/** The same by one dimension. */
export async function measureBy(
  context: AnswerContext,
  main: Measure,
  name: DimensionName,
  period: Period | undefined,
): Promise<readonly Row[]> {
  const population = populations[main.population] as Population;
  const expression = dimensionSql(context.vocabulary, name, population.fact);
  if (!expression) return [];
  const { conditions } = selectionOf(context.vocabulary, context.query, population, period);
  return context.run(
    sql`SELECT ${expression} AS ${name}, ${measureSql(context.vocabulary, main)} AS ${main.name}\n${fromSql(population.fact, [expression, ...conditions])}${whereSql(conditions)}\nGROUP BY 1\nORDER BY 2 DESC NULLS LAST, 1\nLIMIT 500`,
  );
}
