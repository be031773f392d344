import type { Row } from '../../../tools/warehouse/warehouse.ts';
import { filledSources } from '../compile.ts';
import type { AnalystQuery, Filter } from '../query.ts';
import { counted, whole } from '../render/format.ts';
import { data, listed, say, type Text, together } from '../render/text.ts';
import { type DimensionName, dimensionOf, type Fact } from '../semantic-layer/dimensions.ts';
import type { Population } from '../semantic-layer/populations.ts';
import type { Sql } from '../sql.ts';
import type { Vocabulary } from '../vocabulary.ts';
import { datesOf, type Period } from '../words/period.ts';

/** What an answer is made with. */
export interface AnswerContext {
  readonly query: AnalystQuery;
  readonly question: string;
  readonly vocabulary: Vocabulary;
  readonly today: number;
  /** Account names that look like the unknown one. */
  readonly near: readonly string[];
  /** Runs a query and notes it among those that the answer rests on. */
  run(query: Sql): Promise<readonly Row[]>;
}

export const numberIn = (row: Row | undefined, name: string): number => {
  const value = row?.[name];
  return typeof value === 'number' ? value : 0;
};

/** " in EMEA", " for IXIS", " over 100,000": what the rows were limited to. */
export function scopeOf({ account, filters, amountLimits, missing }: AnalystQuery): Text {
  const words = { '>': 'over', '<': 'under', '>=': 'of at least', '<=': 'of at most' } as const;
  const parts = [
    ...(account?.groups[0] ? [say` for ${account.groups[0].name}`] : []),
    ...filters.map(filterText),
    ...(missing ? [say` without ${missingWords[missing]}`] : []),
    ...amountLimits.map(
      ({ operator, amount }, index) =>
        say`${index > 0 ? say` and` : say``} ${words[operator]} ${whole(amount)}`,
    ),
  ];
  return together(parts, '');
}

const missingWords = {
  close_date: 'a close date',
  amount: 'an amount',
  owner_id: 'an owner',
  next_step: 'a next step',
  account_id: 'an account',
  product_id: 'a product',
} as const;

function filterText({ dimension, values, isExcluded }: Filter): Text {
  const names = listed([...new Set(values)].slice(0, 6), 'or');
  if (isExcluded) return say` with a ${dimensionOf(dimension).label.toLowerCase()} other than ${names}`;
  if (dimension === 'owner' || dimension === 'manager') return say` of ${names}`;
  if (dimension === 'region' || dimension === 'country' || dimension === 'industry') return say` in ${names}`;
  return say` with ${dimensionOf(dimension).label.toLowerCase()} ${names}`;
}

export interface AppliedPeriod {
  readonly period: Period | undefined;
  /** For the foot of the answer. */
  readonly text: string;
  /** " in Q4 2026". */
  readonly phrase: Text;
  readonly notes: readonly Text[];
}

/** The question's period, if the rows have the date that it is about. */
export function applyPeriod(
  { query, vocabulary }: AnswerContext,
  population: Population,
  period: Period | undefined = query.periods[0],
): AppliedPeriod {
  const { profile, openDeals } = vocabulary;
  const isOpen = population.status === 'open';
  const dated = isOpen ? openDeals.withCloseDate : profile.filled(population.date);
  const total = isOpen ? openDeals.count : profile.rowCount(population.fact);
  const isBounded = period && (period.from !== undefined || period.to !== undefined);
  if (!isBounded) return { period: undefined, text: 'all dates', phrase: data(''), notes: [] };
  if (dated === 0 && total > 0) {
    const note = say`No ${population.noun[0]} has ${dateName(population)} in the data, so ${period.label} could not be applied: the figures are for all of them.`;
    return { period: undefined, text: 'all dates', phrase: data(''), notes: [note] };
  }
  const undated = total - dated;
  const notes =
    undated > 0 && population.fact === 'opportunities' && (isOpen || population.status === undefined)
      ? [
          say`${counted(undated, population.noun)} ${undated === 1 ? 'has' : 'have'} no ${bareDateName(population)} and so fall${undated === 1 ? 's' : ''} in no period.`,
        ]
      : [];
  return { period, text: periodText(period, population.dateMeaning), phrase: phraseOf(period), notes };
}

const bareDateName = ({ date }: Population): string => date.split('.')[1]?.replaceAll('_', ' ') ?? 'date';
const dateName = (population: Population): string => `a ${bareDateName(population)}`;

export function periodText(period: Period, meaning: string): string {
  const dates = datesOf(period);
  return `${period.label === dates ? dates : `${period.label} (${dates})`}${meaning ? `, ${meaning}` : ''}`;
}

function phraseOf({ label }: Period): Text {
  if (/^(?:since|before|after|today|yesterday|tomorrow)/.test(label)) return say` ${label}`;
  return /^\d+ /.test(label) && !/ to /.test(label) ? say` on ${label}` : say` in ${label}`;
}

/** A note for each dimension whose values come from more than one column. */
export function fallbackNotes(
  { vocabulary }: AnswerContext,
  names: readonly DimensionName[],
  fact: Fact,
): readonly string[] {
  return names.flatMap((name) => {
    const sources = filledSources(vocabulary, name, fact).map((path) => path.split('.'));
    if (sources.length < 2 || name === 'account' || name === 'owner' || name === 'product') return [];
    const tables = sources.map(([table = '']) =>
      table === fact ? 'the row itself' : `its ${table.replace(/s$/, '')}`,
    );
    return [`${dimensionOf(name).label}: taken from ${tables.join(', else from ')}.`];
  });
}

export function missingNote(names: readonly DimensionName[]): readonly Text[] {
  return names.map(
    (name) =>
      say`There is no ${dimensionOf(name).label.toLowerCase()} for these rows in the data, so that filter could not be applied.`,
  );
}

/** What was taken for granted in reading the question. */
export function readingNotes({ query }: AnswerContext): readonly Text[] {
  const { account, unused, unknownNames } = query;
  const group = account?.groups[0];
  const words = unused.filter((word) => !unknownNames.some((name) => name.includes(word)));
  return [
    ...(group && account?.certainty !== 'exact'
      ? [say`“${account?.typed ?? ''}” was taken to mean ${group.name}.`]
      : []),
    ...(group && group.ids.length > 1
      ? [
          say`${group.ids.length} accounts go by this name (${listed(group.names.map((name, index) => `${name}, ${group.ids[index] ?? ''}`))}); they are counted together.`,
        ]
      : []),
    ...(words.length > 0 ? [say`These words were not used: ${listed(words)}.`] : []),
  ];
}

export const wonLostRule =
  'Won and lost deals are told by their stage: a stage with the word won is won, with the word lost (or dead, disqualified, abandoned, rejected, cancelled) is lost, everything else is open.';
