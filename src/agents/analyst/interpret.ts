import type { AmountLimit, AnalystQuery, Filter, Intent, NamedAccounts } from './query.ts';
import type { Reading, Span } from './reading.ts';
import { type DimensionName, dimensionOf, type Fact, type Grain } from './semantic-layer/dimensions.ts';
import {
  type DealStatus,
  type Measure,
  type MeasureName,
  measureOf,
  populations,
} from './semantic-layer/measures.ts';
import type { ValueMeaning } from './vocabulary.ts';
import type { Meaning } from './words/lexicon.ts';
import { isoOf } from './words/period.ts';
import type { Comparator, Entity, MissingColumn, Topic } from './words/phrases.ts';

type StatusWord = DealStatus | 'closing' | 'created';

/** What the spans say, sorted by kind. */
export interface Notes {
  readonly stems: readonly string[];
  readonly spans: readonly Span[];
  readonly topics: ReadonlySet<Topic>;
  readonly entities: ReadonlySet<Entity>;
  readonly statuses: ReadonlySet<StatusWord>;
  readonly measures: readonly MeasureName[];
  readonly dimensions: readonly DimensionName[];
  readonly grain: Grain | undefined;
  readonly values: readonly (readonly ValueMeaning[])[];
  readonly account: NamedAccounts | undefined;
  readonly missing: MissingColumn | undefined;
  readonly flags: ReadonlySet<'count' | 'group' | 'average' | 'amount' | 'who'>;
}

/** Counts that a bare noun also asks for: "open deals" is a list unless something asks for a number. */
const nouns: ReadonlySet<MeasureName> = new Set([
  'open_deals',
  'won_deals',
  'lost_deals',
  'closed_deals',
  'new_deals',
  'deal_count',
  'leads',
  'calls',
  'accounts',
]);

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
  return {
    intent,
    measures: decided,
    dimensions: groupingOf(notes, intent, fact),
    ...(notes.grain && { grain: notes.grain }),
    filters: filtersOf(notes, fact),
    ...(status && { status }),
    periods: distinctPeriods(notes),
    amountLimits: limits,
    ...(notes.account && { account: notes.account }),
    ...(days !== undefined && { days }),
    order: orderOf(notes),
    ...(limit !== undefined && { limit }),
    ...(direction && { direction }),
    ...(notes.missing && { missing: notes.missing }),
    ...leftovers(notes),
  };
}

const distinctPeriods = ({ spans }: Notes) => {
  const found = spans.flatMap(({ period, days }) => (period && days === undefined ? [period] : []));
  return [...new Map(found.map((period) => [isoOf(period), period])).values()].slice(0, 2);
};

function noteDown({ stems, spans }: Reading): Notes {
  const meanings = spans.flatMap((span) => span.meanings ?? []);
  const of = <Kind extends Meaning['kind']>(kind: Kind) =>
    meanings.filter((meaning): meaning is Extract<Meaning, { kind: Kind }> => meaning.kind === kind);
  const named = spans.find((span) => span.account);
  return {
    stems,
    spans,
    topics: new Set(of('topic').map(({ value }) => value)),
    entities: new Set(of('entity').map(({ value }) => value)),
    statuses: new Set(of('status').map(({ value }) => value)),
    measures: [...new Set(of('measure').map(({ value }) => value))],
    dimensions: [...new Set(of('dimension').map(({ value }) => value))],
    grain: of('grain')[0]?.value,
    values: spans.flatMap((span) => (span.values ? [span.values] : [])),
    account: named?.account && { ...named.account, typed: named.typed },
    missing: of('missing')[0]?.value,
    flags: new Set(
      (['count', 'group', 'average', 'amount', 'who'] as const).filter((kind) => of(kind).length > 0),
    ),
  };
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

function statusWord({ statuses, measures }: Notes): StatusWord | undefined {
  for (const word of ['won', 'lost', 'closed', 'open', 'closing', 'created'] as const) {
    if (statuses.has(word)) return word;
  }
  const population = measures.map((name) => measureOf(name).population)[0];
  return population === 'created' ? 'created' : (population && statusByPopulation(population)) || undefined;
}

function statusByPopulation(name: Measure['population']): DealStatus | undefined {
  const population = populations[name];
  return 'status' in population ? population.status : undefined;
}

function statusOf(notes: Notes, measures: readonly MeasureName[]): DealStatus | undefined {
  const word = statusWord({ ...notes, measures: measures.length > 0 ? measures : notes.measures });
  if (word === 'closing') return 'open';
  return word === 'created' ? undefined : word;
}

/** The dimensions to group by: those that are named, unless they only say what a value is ("the EMEA region"). */
function groups({ spans }: Notes): readonly DimensionName[] {
  const found: DimensionName[] = [];
  for (const [index, span] of spans.entries()) {
    const dimension = span.meanings?.find((meaning) => meaning.kind === 'dimension')?.value as
      | DimensionName
      | undefined;
    if (!dimension || found.includes(dimension)) continue;
    const labels = [spans[index - 1], spans[index + 1]].some((near) =>
      near?.values?.some((value) => value.dimension === dimension),
    );
    const isGrouped = isGroupWord(spans[index - 1]);
    if (!labels || isGrouped) found.push(dimension);
  }
  return found;
}

const isGroupWord = (span: Span | undefined): boolean =>
  span?.meanings?.some(({ kind }) => kind === 'group') ?? false;

const ranked: ReadonlySet<DimensionName> = new Set(['account', 'owner', 'product']);

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

function afterGroupWord(spans: readonly Span[], name: DimensionName): boolean {
  const index = spans.findIndex((span) =>
    span.meanings?.some((meaning) => meaning.kind === 'dimension' && meaning.value === name),
  );
  return spans.slice(Math.max(0, index - 3), index).some(isGroupWord);
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
  return [...byDimension].map(([dimension, values]) => ({ dimension, values: [...values] }));
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

function amountLimits({ spans }: Notes): readonly AmountLimit[] {
  return spans.flatMap((span, index) => {
    const comparator = span.meanings?.find((meaning) => meaning.kind === 'comparator')?.value as
      | Comparator
      | undefined;
    const amount = spans[index + 1]?.number;
    return comparator && amount !== undefined ? [{ operator: operators[comparator], amount }] : [];
  });
}

const maxLimit = 50;

function limitOf({ spans }: Notes, limits: readonly AmountLimit[]): number | undefined {
  const numbers = spans.flatMap(({ number }) => (number === undefined ? [] : [number]));
  const count = numbers.find(
    (number) => Number.isInteger(number) && number >= 1 && !limits.some(({ amount }) => amount === number),
  );
  return count === undefined ? undefined : Math.min(count, maxLimit);
}

function orderOf({ spans }: Pick<Notes, 'spans'>): AnalystQuery['order'] {
  for (const { meanings } of spans) {
    const order = meanings?.find((meaning) => meaning.kind === 'order')?.value;
    if (order === 'descending') return 'largest';
    if (order === 'ascending') return 'smallest';
    if (order === 'newest' || order === 'oldest') return order;
  }
  return undefined;
}

interface Case {
  readonly intent: Intent;
  readonly when: (notes: Notes, measures: readonly MeasureName[]) => boolean;
}

const usage: readonly MeasureName[] = ['usage_units', 'active_users', 'active_accounts'];
const asksUsage = ({ measures }: Notes) => measures.some((name) => usage.includes(name));
const isPlain = (notes: Notes, measures: readonly MeasureName[]) =>
  measures.every((name) => nouns.has(name)) &&
  !notes.flags.has('count') &&
  !notes.flags.has('who') &&
  notes.grain === undefined &&
  groups(notes).filter((name) => !ranked.has(name) || afterGroupWord(notes.spans, name)).length === 0;

/** The first that holds. */
const cases: readonly Case[] = [
  { intent: 'read_only', when: (notes) => asksForAction(notes) },
  {
    intent: 'fit',
    when: ({ topics, account, spans }) => topics.has('fit') && (!!account || hasUnknown(spans)),
  },
  { intent: 'unknown_name', when: ({ spans }) => unknownNames(spans).length > 0 },
  {
    intent: 'which_account',
    when: ({ account }) =>
      account !== undefined && account.certainty !== 'exact' && account.groups.length > 1,
  },
  {
    intent: 'help',
    when: ({ topics, account }, measures) => topics.has('help') && !account && measures.length === 0,
  },
  { intent: 'data', when: ({ topics }, measures) => topics.has('data') && measures.length === 0 },
  { intent: 'stale', when: ({ topics }) => topics.has('stale') },
  { intent: 'deals', when: (notes, measures) => notes.missing !== undefined && isPlain(notes, measures) },
  { intent: 'inactive', when: ({ topics }) => topics.has('inactive') },
  { intent: 'coverage', when: ({ topics }) => topics.has('coverage') },
  { intent: 'forecast', when: ({ topics }) => topics.has('forecast') },
  {
    intent: 'loss_reasons',
    when: ({ topics, dimensions, statuses, measures }) =>
      (topics.has('why') || dimensions.includes('loss_reason')) &&
      !statuses.has('won') &&
      (statuses.has('lost') ||
        dimensions.includes('loss_reason') ||
        measures.some((each) => each.startsWith('lost'))),
  },
  { intent: 'calls', when: (notes) => notes.topics.has('talk') && !asksUsage(notes) },
  { intent: 'compare', when: (notes) => notes.topics.has('compare') || distinctPeriods(notes).length === 2 },
  {
    intent: 'usage_trend',
    when: (notes) =>
      notes.account !== undefined &&
      notes.grain === undefined &&
      ((asksUsage(notes) && distinctPeriods(notes).length === 0 && isPlain(notes, [])) ||
        notes.topics.has('falling') ||
        notes.topics.has('rising')),
  },
  {
    intent: 'usage_movers',
    when: (notes, measures) =>
      (notes.topics.has('falling') || notes.topics.has('rising')) &&
      (asksUsage(notes) || measures.every((name) => name === 'accounts')) &&
      (asksUsage(notes) || notes.entities.has('account') || notes.entities.has('customer')),
  },
  {
    intent: 'pipeline_analysis',
    when: (notes) =>
      notes.topics.has('analysis') &&
      notes.measures.includes('pipeline') &&
      groups(notes).length === 0 &&
      !notes.account,
  },
  { intent: 'deal_status', when: (notes, measures) => asksDealStatus(notes, measures) },
  {
    intent: 'account',
    when: (notes, measures) =>
      notes.account !== undefined && measures.length === 0 && isPlain(notes, measures),
  },
  { intent: 'calls', when: (notes, measures) => measures[0] === 'calls' && isPlain(notes, measures) },
  {
    intent: 'leads',
    when: (notes, measures) => measures[0] === 'leads' && isPlain(notes, measures) && isListing(notes),
  },
  { intent: 'deals', when: (notes, measures) => asksDeals(notes) && isPlain(notes, measures) },
  { intent: 'metric', when: (_notes, measures) => measures.length > 0 && !(measures[0] === 'accounts') },
  {
    intent: 'metric',
    when: (notes, measures) => measures[0] === 'accounts' && !isPlain(notes, measures),
  },
  { intent: 'catalogue', when: (notes) => asksCatalogue(notes) },
  {
    intent: 'accounts',
    when: ({ entities, values }) =>
      (entities.has('account') || entities.has('customer')) && (values.length > 0 || true),
  },
  { intent: 'deals', when: ({ values, account }) => values.length > 0 && account === undefined },
  { intent: 'help', when: ({ topics }) => topics.has('help') },
];

function intentOf(notes: Notes, measures: readonly MeasureName[]): Intent {
  if (understoodShare(notes) < 0.34) return asksForAction(notes) ? 'read_only' : 'not_understood';
  return cases.find(({ when }) => when(notes, measures))?.intent ?? 'not_understood';
}

const isListing = ({ stems }: Notes) => stems.some((stem) => /^(?:list|show|which|who|what)$/.test(stem));

const asksDeals = (notes: Notes) =>
  notes.entities.has('deal') ||
  notes.statuses.size > (notes.statuses.has('created') ? 1 : 0) ||
  notes.measures.some(
    (name) => nouns.has(name) && populations[measureOf(name).population].fact === 'opportunities',
  );

const asksDealStatus = (notes: Notes, measures: readonly MeasureName[]) =>
  notes.account !== undefined &&
  isPlain(notes, measures) &&
  !notes.topics.has('about') &&
  (notes.topics.has('deal_status') || (asksDeals(notes) && distinctPeriods(notes).length === 0));

const asksCatalogue = ({ entities, stems }: Notes) =>
  (entities.has('product') || entities.has('owner')) &&
  stems.some((stem) => /^(?:list|show|which|what|who|our)$/.test(stem));

/** A command to do something, at the beginning but for courtesies; "send me …" asks to be shown. */
function asksForAction({ spans, stems }: Notes): boolean {
  if (isSql(stems)) return true;
  const first = spans.find((span) => !span.meanings?.every(({ kind }) => kind === 'stop' || kind === 'name'));
  const isAction = first?.meanings?.some((meaning) => meaning.kind === 'topic' && meaning.value === 'action');
  return isAction === true && !/^(?:me|us|u)$/.test(stems[first?.end ?? 0] ?? '');
}

/** SQL in a question is not run: it is written in words, or given to the warehouse itself. */
export const isSql = (stems: readonly string[]): boolean => stems[0] === 'select' && stems.includes('from');

const hasUnknown = (spans: readonly Span[]) => spans.some(({ unknown }) => unknown);

/** Unknown words that stand where a name stands: after "for", "at", "in", "from" … or written with a capital. */
function unknownNames(spans: readonly Span[]): readonly string[] {
  const names: string[] = [];
  for (const [index, span] of spans.entries()) {
    if (!span.unknown) continue;
    const before = spans[index - 1];
    const isLed = before?.meanings?.some(({ kind }) => kind === 'name') ?? false;
    if (before?.unknown && names.length > 0) names.push(`${names.pop()} ${span.typed}`);
    else if (isLed || isName(span, spans[index + 1], index)) names.push(span.typed);
  }
  return names.slice(0, 3);
}

/** Written with a capital, somebody's, or right before what is asked about ("zorblax pipeline"). */
function isName({ typed }: Span, next: Span | undefined, index: number): boolean {
  const asked = next?.meanings?.some(
    ({ kind }) => kind === 'entity' || kind === 'measure' || kind === 'status',
  );
  return asked === true || /['’]s$/i.test(typed) || (index > 0 && /^\p{Lu}/u.test(typed));
}

function leftovers({ spans }: Notes): Pick<AnalystQuery, 'unknownNames' | 'unused'> {
  const unused = spans.filter(({ unknown }) => unknown).map(({ typed }) => typed);
  return { unknownNames: unknownNames(spans), unused: unused.slice(0, 8) };
}

/** How much of what is not filler was understood. */
function understoodShare({ spans }: Notes): number {
  const meant = spans.filter(
    (span) => !span.meanings?.every(({ kind }) => kind === 'stop' || kind === 'name' || kind === 'group'),
  );
  const known = meant.filter(({ unknown }) => !unknown).length;
  return known === 0 ? 0 : known / meant.length;
}

function factOf(intent: Intent, measures: readonly MeasureName[], notes: Notes): Fact {
  if (measures[0] && intent === 'metric') return populations[measureOf(measures[0]).population].fact;
  if (intent === 'leads' || intent === 'calls' || intent === 'accounts') return intent;
  if (intent === 'inactive') return notes.entities.has('deal') ? 'opportunities' : 'accounts';
  if (intent === 'usage_movers' || intent === 'usage_trend') return 'usage';
  if (measures[0]) return populations[measureOf(measures[0]).population].fact;
  return 'opportunities';
}
