import type { AnalystQuery, NamedAccounts } from './query.ts';
import type { Reading, Span } from './reading.ts';
import type { DimensionName, Grain } from './semantic-layer/dimensions.ts';
import { type Measure, type MeasureName, measureOf } from './semantic-layer/measures.ts';
import { type DealStatus, populations } from './semantic-layer/populations.ts';
import type { ValueMeaning } from './vocabulary.ts';
import type { Meaning } from './words/lexicon.ts';
import { isoOf } from './words/period.ts';
import type { Entity, MissingColumn, Topic } from './words/phrases.ts';

export type StatusWord = DealStatus | 'closing' | 'created';

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
export const nouns: ReadonlySet<MeasureName> = new Set([
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

export function noteDown({ stems, spans }: Reading): Notes {
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

export const distinctPeriods = ({ spans }: Notes) => {
  const found = spans.flatMap(({ period, days }) => (period && days === undefined ? [period] : []));
  return [...new Map(found.map((period) => [isoOf(period), period])).values()].slice(0, 2);
};

/** The dimensions to group by: those that are named, unless they only say what a value is ("the EMEA region"). */
export function groups({ spans }: Notes): readonly DimensionName[] {
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

export const ranked: ReadonlySet<DimensionName> = new Set(['account', 'owner', 'product']);

export function afterGroupWord(spans: readonly Span[], name: DimensionName): boolean {
  const index = spans.findIndex((span) =>
    span.meanings?.some((meaning) => meaning.kind === 'dimension' && meaning.value === name),
  );
  return spans.slice(Math.max(0, index - 3), index).some(isGroupWord);
}

/** What a "not" or "except" stands before. Only values can be excluded; anything else is not understood, never turned around. */
export function negated({ spans }: Notes): readonly Span[] {
  const isFiller = ({ meanings }: Span) =>
    meanings?.every(({ kind }) => kind === 'stop' || kind === 'name') ?? false;
  return spans.flatMap((span, index) => {
    if (!span.meanings?.some(({ kind }) => kind === 'negation')) return [];
    const next = spans.slice(index + 1, index + 4).find((each) => !isFiller(each) && !isLabel(each));
    const counts =
      next &&
      (next.values ||
        next.account ||
        next.period ||
        next.meanings?.some(({ kind }) => kind === 'status' || kind === 'measure' || kind === 'topic'));
    return next && counts ? [next] : [];
  });
}

const isLabel = ({ meanings }: Span): boolean =>
  meanings?.every(({ kind }) => kind === 'dimension' || kind === 'entity') ?? false;

export function orderOf({ spans }: Pick<Notes, 'spans'>): AnalystQuery['order'] {
  for (const { meanings } of spans) {
    const order = meanings?.find((meaning) => meaning.kind === 'order')?.value;
    if (order === 'descending') return 'largest';
    if (order === 'ascending') return 'smallest';
    if (order === 'newest' || order === 'oldest') return order;
  }
  return undefined;
}

export function statusWord({ statuses, measures }: Notes): StatusWord | undefined {
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

/** Unknown words that stand where a name stands: after "for", "at", "in", "from" … or written with a capital. */
export function unknownNames(spans: readonly Span[]): readonly string[] {
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
