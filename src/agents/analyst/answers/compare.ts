import { emptyNeeds } from '../compile.ts';
import { type Answer, table } from '../render/answer.ts';
import { change, formatMeasure, tellMeasure, text, whole } from '../render/format.ts';
import { say, strong, type Text } from '../render/text.ts';
import { type DimensionName, dimensionOf } from '../semantic-layer/dimensions.ts';
import { type Measure, type MeasureName, measureOf } from '../semantic-layer/measures.ts';
import { type Population, populations } from '../semantic-layer/populations.ts';
import { datesOf, type Period, previousOf } from '../words/period.ts';
import { type AnswerContext, periodText, readingNotes, scopeOf, wonLostRule } from './context.ts';
import { answerMetric, measureBy, measureIn } from './metric.ts';
import { topicOf } from './topic.ts';

/** A measure in two periods side by side. With one period named, the other is the one just before it. */
export async function answerComparison(context: AnswerContext): Promise<Answer> {
  const names: readonly MeasureName[] =
    context.query.measures.length > 0 ? context.query.measures : ['won_amount'];
  const main = measureOf(names[0] ?? 'won_amount');
  const periods = periodsOf(context);
  const with_ = { ...context, query: { ...context.query, measures: names } };
  if (!periods || emptyNeeds(context.vocabulary, main).length > 0) return answerMetric(with_);
  const [before, after] = periods;
  const values = await Promise.all(
    [before, after].map((period) =>
      Promise.all(names.map((name) => measureIn(with_, measureOf(name), period))),
    ),
  );
  const dimension = context.query.dimensions[0];
  const rows = dimension
    ? await byDimension(with_, main, dimension, before, after)
    : names.map((name, index) => {
        const each = measureOf(name);
        return cells(each, each.label, values[0]?.[index]?.[name], values[1]?.[index]?.[name]);
      });
  const population = populations[main.population] as Population;
  return {
    headline: headline(
      context,
      main,
      [before, after],
      [values[0]?.[0]?.[main.name], values[1]?.[0]?.[main.name]],
    ),
    blocks: [
      table(
        [dimension ? dimensionOf(dimension).label : 'Measure', before.label, after.label, 'Change'],
        rows,
        {
          numbers: [1, 2, 3],
        },
      ),
    ],
    notes: [...runningNote(context, after), ...readingNotes(context)],
    period: `${periodText(before, '')} against ${periodText(after, population.dateMeaning)}`,
    rules: [
      ...names.map((name) => `${measureOf(name).label}: ${measureOf(name).description}.`),
      ...(population.status ? [wonLostRule] : []),
    ],
    understood: true,
    topic: topicOf(with_.query),
  };
}

/** The earlier one first. */
function periodsOf({ query, today }: AnswerContext): readonly [Period, Period] | undefined {
  const [first, second] = query.periods;
  if (first && second) {
    return (first.from ?? -Infinity) <= (second.from ?? -Infinity) ? [first, second] : [second, first];
  }
  const before = first && previousOf(first);
  return before && first && (first.from ?? 0) <= today + 400 ? [before, first] : undefined;
}

const isNumber = (value: unknown): value is number => typeof value === 'number';

function cells(each: Measure, label: string, before: unknown, after: unknown): readonly string[] {
  const [left, right] = [isNumber(before) ? before : null, isNumber(after) ? after : null];
  const difference =
    each.unit === 'percent' && left !== null && right !== null
      ? `${(right - left).toFixed(1)} points`
      : change(left ?? 0, right ?? 0);
  return [label, formatMeasure(left, each.unit), formatMeasure(right, each.unit), difference];
}

async function byDimension(
  context: AnswerContext,
  main: Measure,
  name: DimensionName,
  before: Period,
  after: Period,
): Promise<readonly (readonly string[])[]> {
  const [left, right] = await Promise.all([
    measureBy(context, main, name, before),
    measureBy(context, main, name, after),
  ]);
  const earlier = new Map(left.map((row) => [row[name], row[main.name]]));
  const later = new Map(right.map((row) => [row[name], row[main.name]]));
  const keys = [...new Set([...later.keys(), ...earlier.keys()])];
  return keys.map((key) => cells(main, text(key), earlier.get(key), later.get(key)));
}

function headline(
  { query }: AnswerContext,
  main: Measure,
  [before, after]: readonly [Period, Period],
  [left, right]: readonly [unknown, unknown],
): Text {
  const [from, to] = [isNumber(left) ? left : null, isNumber(right) ? right : null];
  const difference = from === null || to === null || main.unit === 'percent' ? undefined : change(from, to);
  const values = say`${main.label}${scopeOf(query)} was ${strong(tellMeasure(from, main.unit))} in ${before.label} and ${strong(tellMeasure(to, main.unit))} in ${after.label}`;
  if (from === null && to === null)
    return say`There is nothing to compare: no ${populations[main.population].noun[1]}${scopeOf(query)} in either period.`;
  if (main.unit === 'percent' && from !== null && to !== null)
    return say`${values} (${(to - from).toFixed(1)} points).`;
  return difference && difference !== '–' ? say`${values} (${difference}).` : say`${values}.`;
}

/** A period that is not over is not a whole one. */
function runningNote({ today }: AnswerContext, period: Period): readonly Text[] {
  const { from, to } = period;
  if (from === undefined || to === undefined || to <= today || from > today) return [];
  const days = today - from + 1;
  return [
    say`${period.label} (${datesOf(period)}) is not over: ${whole(days)} of its ${whole(to - from + 1)} days have passed.`,
  ];
}
