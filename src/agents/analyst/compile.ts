import type { AnalystQuery, Filter } from './query.ts';
import {
  type ColumnPath,
  type DimensionName,
  dimensionOf,
  type Fact,
  type Grain,
} from './semantic-layer/dimensions.ts';
import type { Measure } from './semantic-layer/measures.ts';
import type { DealStatus, Population } from './semantic-layer/populations.ts';
import { inList, join, raw, type Sql, sql, value } from './sql.ts';
import type { Vocabulary } from './vocabulary.ts';
import { formatDay } from './words/calendar.ts';
import type { Period } from './words/period.ts';

/** Pieces of SQL over the canonical tables, for the columns that hold data. */

/** `DATE '2026-10-01'`: made from a day that we computed, so there is nothing to quote. */
export function date(day: number): Sql {
  return raw(`DATE '${formatDay(day)}'`);
}

/** The first source of the dimension that is filled in; undefined when none of them holds data. */
export function dimensionSql(vocabulary: Vocabulary, name: DimensionName, fact: Fact): Sql | undefined {
  const paths = filledSources(vocabulary, name, fact);
  if (paths.length === 0) return undefined;
  return raw(paths.length === 1 ? (paths[0] ?? '') : `coalesce(${paths.join(', ')})`);
}

export function filledSources(
  vocabulary: Vocabulary,
  name: DimensionName,
  fact: Fact,
): readonly ColumnPath[] {
  const { profile } = vocabulary;
  const paths = (dimensionOf(name).sources[fact] ?? []).filter((path) => profile.filled(path) > 0);
  const complete = paths.findIndex(
    (path) => path.startsWith(`${fact}.`) && profile.filled(path) === profile.rowCount(fact),
  );
  return complete < 0 ? paths : paths.slice(0, complete + 1);
}

export function statusSql(vocabulary: Vocabulary, status: DealStatus): Sql {
  const { wonStages, lostStages } = vocabulary;
  const stage = raw('opportunities.stage');
  const stages = { won: wonStages, lost: lostStages, closed: [...wonStages, ...lostStages], open: [] }[
    status
  ];
  if (status !== 'open') return stages.length === 0 ? raw('FALSE') : inList(stage, stages);
  const closed = [...wonStages, ...lostStages];
  if (closed.length === 0) return raw('TRUE');
  return sql`(opportunities.stage IS NULL OR opportunities.stage NOT IN (${join(closed.map(value), ', ')}))`;
}

export function periodSql(column: Sql | string, { from, to }: Period): readonly Sql[] {
  return [
    ...(from === undefined ? [] : [sql`${column} >= ${date(from)}`]),
    ...(to === undefined ? [] : [sql`${column} < ${date(to + 1)}`]),
  ];
}

/** Tables that an expression names, from its text. */
function tablesIn(parts: readonly Sql[]): ReadonlySet<string> {
  const text = parts.map(({ pieces }) => pieces.join(' ')).join(' ');
  return new Set(text.match(/\b(?:accounts|owners|products)(?=\.)/g) ?? []);
}

/** FROM with the joins that the parts need. */
export function fromSql(fact: Fact, parts: readonly Sql[]): Sql {
  const tables = tablesIn(parts);
  const viaAccount = fact === 'usage';
  const needsAccounts =
    fact !== 'accounts' && (tables.has('accounts') || (tables.has('owners') && viaAccount));
  const owner = viaAccount ? 'accounts' : fact;
  return raw(
    [
      `FROM ${fact}`,
      ...(needsAccounts ? [`LEFT JOIN accounts ON accounts.account_id = ${fact}.account_id`] : []),
      ...(tables.has('owners') ? [`LEFT JOIN owners ON owners.owner_id = ${owner}.owner_id`] : []),
      ...(tables.has('products') ? [`LEFT JOIN products ON products.product_id = ${fact}.product_id`] : []),
    ].join('\n'),
  );
}

export function whereSql(conditions: readonly Sql[]): Sql {
  return conditions.length === 0 ? raw('') : sql`\nWHERE ${join(conditions, '\n  AND ')}`;
}

export interface Compiled {
  readonly conditions: readonly Sql[];
  /** Filters on dimensions for which there is no data. */
  readonly missing: readonly DimensionName[];
}

function filterSql(vocabulary: Vocabulary, filters: readonly Filter[], fact: Fact): Compiled {
  const conditions: Sql[] = [];
  const missing: DimensionName[] = [];
  for (const { dimension, values, isExcluded } of filters) {
    const expression = dimensionSql(vocabulary, dimension, fact);
    if (expression) {
      const among = inList(expression, values);
      conditions.push(isExcluded ? sql`NOT coalesce(${among}, FALSE)` : among);
    } else missing.push(dimension);
  }
  return { conditions, missing };
}

/** Conditions of the question that do not depend on the measure. */
export function conditionsOf(vocabulary: Vocabulary, query: AnalystQuery, fact: Fact): Compiled {
  const filters = filterSql(vocabulary, query.filters, fact);
  const conditions = [...filters.conditions];
  const ids = query.account?.groups[0]?.ids;
  if (ids && fact !== 'leads') conditions.push(inList(raw(`${fact}.account_id`), ids));
  if (fact === 'opportunities') {
    if (query.missing) conditions.push(raw(`opportunities.${query.missing} IS NULL`));
    for (const { operator, amount } of query.amountLimits) {
      conditions.push(sql`opportunities.amount ${operator} ${value(amount)}`);
    }
  }
  return { conditions, missing: filters.missing };
}

/** Which rows of a population a question is about, those of a period where there is one. */
export function selectionOf(
  vocabulary: Vocabulary,
  query: AnalystQuery,
  population: Population,
  period: Period | undefined,
): Compiled {
  const { conditions, missing } = conditionsOf(vocabulary, query, population.fact);
  return { conditions: [...populationConditions(vocabulary, population, period), ...conditions], missing };
}

/** A measure's expression, with what depends on the data filled in. */
export function measureSql(vocabulary: Vocabulary, measure: Measure): Sql {
  const flag = (column: string, values: readonly string[]): Sql =>
    values.length === 0 ? raw('0') : sql`CASE WHEN ${inList(raw(column), values)} THEN 1 ELSE 0 END`;
  const parts: Readonly<Record<string, () => Sql>> = {
    won: () => flag('opportunities.stage', vocabulary.wonStages),
    converted: () => flag('leads.status', vocabulary.convertedStatuses),
    probability: () => probabilitySql(vocabulary),
  };
  const pieces = measure.sql.split(/\{(\w+)\}/);
  return join(
    pieces.map((piece, index) => (index % 2 === 0 ? raw(piece) : (parts[piece]?.() ?? raw('')))),
    '',
  );
}

export function probabilitySql(vocabulary: Vocabulary): Sql {
  return raw(
    vocabulary.profile.probabilityIsFraction
      ? 'opportunities.probability'
      : 'opportunities.probability / 100.0',
  );
}

export function populationConditions(
  vocabulary: Vocabulary,
  population: Population,
  period: Period | undefined,
): readonly Sql[] {
  return [
    ...(population.status ? [statusSql(vocabulary, population.status)] : []),
    ...(period ? periodSql(population.date, period) : []),
  ];
}

export function grainSql(grain: Grain, column: string): Sql {
  return raw(`CAST(date_trunc('${grain}', ${column}) AS DATE)`);
}

/** Columns of the measure that hold nothing at all. */
export function emptyNeeds(vocabulary: Vocabulary, measure: Measure): readonly ColumnPath[] {
  return measure.needs.filter((path) => vocabulary.profile.filled(path) === 0);
}
