import { intentOf, statusOf } from './intents.ts';
import {
  afterGroupWord,
  distinctPeriods,
  groups,
  type Notes,
  negated,
  noteDown,
  nouns,
  orderOf,
  ranked,
  statusWord,
  unknownNames,
} from './notes.ts';
import type { AmountLimit, AnalystQuery, Filter, Intent } from './query.ts';
import type { Reading, Span } from './reading.ts';
import { type DimensionName, dimensionOf, type Fact } from './semantic-layer/dimensions.ts';
import { type MeasureName, measureOf } from './semantic-layer/measures.ts';
import { populations } from './semantic-layer/populations.ts';
import type { ValueMeaning } from './vocabulary.ts';
import type { Comparator } from './words/phrases.ts';

export function interpret(reading: Reading): AnalystQuery {
  const notes = noteDown(reading);
  const decided = decideMeasures(notes);
  const intent = intentOf(notes, decided);
  const status = statusOf(notes, decided);
  const limits = amountLimits(notes);
  const fact = factOf(intent, decided, notes);
  const days = notes.spans.find((span) => span.days !== undefined)?.days;
  const direction = notes.topics.has('falling')
    ? 'falling'
    : notes.topics.has('rising')
      ? 'rising'
      : undefined;
  const limit = limitOf(notes, limits);
  const filters = filtersOf(notes, fact);
  const sides = sidesOf(notes, intent, filters);
  return {
    intent: sides ? 'metric' : intent,
    measures: decided,
    dimensions: sides ?? groupingOf(notes, intent, fact),
    ...(notes.grain && { grain: notes.grain }),
    filters,
    ...(status && { status }),
    periods: distinctPeriods(notes),
    amountLimits: limits,
    ...(notes.account && { account: notes.account }),
    ...(days !== undefined && { days }),
    order: orderOf(notes),
    ...(limit !== undefined && { limit }),
    ...(direction && { direction }),
    ...(notes.missing && { missing: notes.missing }),
    ...leftovers(notes, intent, limits, limit),
  };
}

/** "EMEA vs APAC" compares two values, not two periods: the measure goes by their dimension. */
function sidesOf(
  notes: Notes,
  intent: Intent,
  filters: readonly Filter[],
): readonly DimensionName[] | undefined {
  const several = filters.find(({ values }) => values.length > 1);
  const compares = intent === 'compare' && distinctPeriods(notes).length < 2 && notes.measures.length > 0;
  return compares && several ? [several.dimension] : undefined;
}

/** "win rate" is one measure; "won deals" with "amount" is the amount; "how many open deals" the count. */
function decideMeasures(notes: Notes): readonly MeasureName[] {
  const { flags, statuses } = notes;
  const own = notes.measures.filter((name) => !nouns.has(name));
  if (own.length > 0) return own.slice(0, 4);
  const noun = notes.measures[0];
  const status = statusWord(notes);
  if (noun === 'leads' || noun === 'calls' || noun === 'accounts') {
    if (!notes.entities.has('deal')) return [noun];
  }
  if (flags.has('average')) return [status === 'open' ? 'average_open_deal' : 'average_deal'];
  if (flags.has('amount')) return [amountOf[status ?? 'won'] ?? 'won_amount'];
  if (noun) return [noun];
  const isAsked =
    flags.has('count') || flags.has('who') || notes.grain !== undefined || groups(notes).length > 0;
  if (!isAsked) return [];
  if (notes.entities.has('customer') || notes.entities.has('account')) {
    if (flags.has('count')) return ['accounts'];
  }
  if (groups(notes).length > 0 && orderOf(notes) && !notes.entities.has('deal'))
    return [amountOf[status ?? 'won'] ?? 'won_amount'];
  if (notes.entities.has('deal') || statuses.size > 0) {
    const ranked = flags.has('who') && (status === undefined || status === 'closed');
    return [countOf[ranked ? 'won' : (status ?? 'all')] ?? 'deal_count'];
  }
  return flags.has('count') ? [] : groups(notes).length > 0 && orderOf(notes) ? ['won_amount'] : [];
}

const countOf: Readonly<Record<string, MeasureName>> = {
  open: 'open_deals',
  closing: 'open_deals',
  won: 'won_deals',
  lost: 'lost_deals',
  closed: 'closed_deals',
  created: 'new_deals',
  all: 'deal_count',
};

const amountOf: Readonly<Record<string, MeasureName>> = {
  open: 'pipeline',
  closing: 'pipeline',
  won: 'won_amount',
  lost: 'lost_amount',
  closed: 'won_amount',
  created: 'created_amount',
};

/** An entity that is listed ("which accounts …") is not a grouping, unless it is ranked by a measure. */
function groupingOf(notes: Notes, intent: Intent, fact: Fact): readonly DimensionName[] {
  const wanted = groups(notes).filter((name) => dimensionOf(name).sources[fact]);
  const { spans, flags } = notes;
  const isMetric = intent === 'metric' || intent === 'compare';
  const grouped = wanted.filter((name) => {
    if (!ranked.has(name)) return isMetric || afterGroupWord(spans, name);
    if (fact === 'accounts' && name === 'account') return false;
    return isMetric && (afterGroupWord(spans, name) || !notes.account || name !== 'account');
  });
  const owner: readonly DimensionName[] =
    flags.has('who') && isMetric && !grouped.includes('owner') && dimensionOf('owner').sources[fact]
      ? ['owner']
      : [];
  const lead: readonly DimensionName[] = fact === 'leads' ? ['lead_status'] : ['account_status'];
  const named = grouped.map((name) => (name === 'lead_status' ? (lead[0] ?? name) : name));
  return [...named, ...owner].slice(0, 2);
}

/** A value that several dimensions have ("Qualified") is of the one that the rows have. Same dimension: any of them. */
function filtersOf(notes: Notes, fact: Fact): readonly Filter[] {
  const byDimension = new Map<DimensionName, Set<string>>();
  for (const meanings of notes.values) {
    const meant =
      meanings.find(({ dimension }) => namedBeside(notes, meanings, dimension)) ??
      meanings.find(({ dimension }) => dimensionOf(dimension).sources[fact]) ??
      meanings[0];
    if (!meant) continue;
    const values = byDimension.get(meant.dimension) ?? new Set();
    for (const value of meant.values) values.add(value);
    byDimension.set(meant.dimension, values);
  }
  const customers = fact === 'accounts' ? notes.spans.find((span) => span.customers)?.customers : undefined;
  if (customers && !byDimension.has('account_status'))
    byDimension.set('account_status', new Set(customers.values));
  const excluded = new Set(
    negated(notes).flatMap((span) => span.values?.map(({ dimension }) => dimension) ?? []),
  );
  return [...byDimension].map(([dimension, values]) => ({
    dimension,
    values: [...values],
    ...(excluded.has(dimension) && { isExcluded: true as const }),
  }));
}

function namedBeside({ spans }: Notes, values: readonly ValueMeaning[], dimension: DimensionName): boolean {
  const index = spans.findIndex((span) => span.values === values);
  return [spans[index - 1], spans[index + 1]].some((near) =>
    near?.meanings?.some((meaning) => meaning.kind === 'dimension' && meaning.value === dimension),
  );
}

const operators: Readonly<Record<Comparator, AmountLimit['operator']>> = {
  over: '>',
  under: '<',
  atLeast: '>=',
  atMost: '<=',
};

function amountLimits({ spans, stems }: Notes): readonly AmountLimit[] {
  const numbers = spans.filter(({ number }) => number !== undefined);
  const [low, high] = numbers.map(({ number }) => number ?? 0);
  if (
    numbers.length === 2 &&
    stems[(numbers[0]?.at ?? 0) - 1] === 'between' &&
    low !== undefined &&
    high !== undefined
  ) {
    return [
      { operator: '>=', amount: Math.min(low, high) },
      { operator: '<=', amount: Math.max(low, high) },
    ];
  }
  return spans.flatMap((span, index) => {
    const comparator = span.meanings?.find((meaning) => meaning.kind === 'comparator')?.value as
      | Comparator
      | undefined;
    const amount = spans[index + 1]?.number;
    return comparator && amount !== undefined ? [{ operator: operators[comparator], amount }] : [];
  });
}

const maxLimit = 50;

/** A larger number is no "top N". */
const mostAsked = 500;

function limitOf({ spans }: Notes, limits: readonly AmountLimit[]): number | undefined {
  const numbers = spans.flatMap(({ number }) => (number === undefined ? [] : [number]));
  const count = numbers.find(
    (number) =>
      Number.isInteger(number) &&
      number >= 1 &&
      number <= mostAsked &&
      !limits.some(({ amount }) => amount === number),
  );
  return count === undefined ? undefined : Math.min(count, maxLimit);
}

/** A word that only means something beside others: "price" without "selling" before it. */
const isPartOfPhrases = ({ meanings, typed }: Span): boolean => meanings?.length === 0 && typed.length > 3;

/** What was read but has no part in the answer is said, so that nobody takes it for part of it. */
function leftovers(
  { spans, account }: Notes,
  intent: Intent,
  limits: readonly AmountLimit[],
  limit: number | undefined,
): Pick<AnalystQuery, 'unknownNames' | 'unused'> {
  const usesDays = intent === 'stale' || intent === 'inactive';
  let accountsSeen = 0;
  const isUnused = (span: Span): boolean => {
    if (span.days !== undefined) return !usesDays;
    if (span.number !== undefined)
      return span.number !== limit && !limits.some(({ amount }) => amount === span.number);
    if (span.account && account) return ++accountsSeen > 1 && span.typed !== account.typed;
    return span.unknown === true || isPartOfPhrases(span);
  };
  const unused = spans.filter(isUnused).map(({ typed }) => typed);
  return { unknownNames: unknownNames(spans), unused: unused.slice(0, 8) };
}

function factOf(intent: Intent, measures: readonly MeasureName[], notes: Notes): Fact {
  if (measures[0] && intent === 'metric') return populations[measureOf(measures[0]).population].fact;
  if (intent === 'leads' || intent === 'calls' || intent === 'accounts') return intent;
  if (intent === 'inactive') return notes.entities.has('deal') ? 'opportunities' : 'accounts';
  if (intent === 'usage_movers' || intent === 'usage_trend') return 'usage';
  if (measures[0]) return populations[measureOf(measures[0]).population].fact;
  return 'opportunities';
}
