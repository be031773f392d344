import {
  afterGroupWord,
  distinctPeriods,
  groups,
  type Notes,
  negated,
  nouns,
  ranked,
  type StatusWord,
  statusWord,
  unknownNames,
} from './notes.ts';
import type { Intent } from './query.ts';
import type { Span } from './reading.ts';
import { type MeasureName, measureOf } from './semantic-layer/measures.ts';
import { type DealStatus, populations } from './semantic-layer/populations.ts';

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
  {
    intent: 'not_understood',
    when: (notes) => negated(notes).some((span) => !span.values) || namesSeveralAccounts(notes),
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
      notes.account !== undefined &&
      measures.length === 0 &&
      (notes.topics.has('about') || (isPlain(notes, measures) && !asksDeals(notes))),
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

export function intentOf(notes: Notes, measures: readonly MeasureName[]): Intent {
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
  !['won', 'lost', 'closed'].some((status) => notes.statuses.has(status as StatusWord)) &&
  !['won', 'lost', 'closed'].includes(statusOf(notes, measures) ?? '') &&
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
const isSql = (stems: readonly string[]): boolean => stems[0] === 'select' && stems.includes('from');

/** Answers are about one account: two of them side by side are asked for one by one. */
const namesSeveralAccounts = ({ spans }: Notes) =>
  new Set(spans.flatMap(({ account }) => account?.groups[0]?.name ?? [])).size > 1;

const hasUnknown = (spans: readonly Span[]) => spans.some(({ unknown }) => unknown);

/** How much of what is not filler was understood. */
function understoodShare({ spans }: Notes): number {
  const meant = spans.filter(
    (span) => !span.meanings?.every(({ kind }) => kind === 'stop' || kind === 'name' || kind === 'group'),
  );
  const known = meant.filter(({ unknown }) => !unknown).length;
  return known === 0 ? 0 : known / meant.length;
}

export function statusOf(notes: Notes, measures: readonly MeasureName[]): DealStatus | undefined {
  const word = statusWord({ ...notes, measures: measures.length > 0 ? measures : notes.measures });
  if (word === 'closing') return 'open';
  return word === 'created' ? undefined : word;
}
