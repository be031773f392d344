import type { AccountIndex, AccountMatch } from './account-index.ts';
import type { ValueMeaning, Vocabulary } from './vocabulary.ts';
import { correct, isLexiconWord, longestPhrase, type Meaning, meaningsOf } from './words/lexicon.ts';
import type { Lean, Period } from './words/period.ts';
import { findPeriods, spanAt } from './words/time-range.ts';
import type { Token } from './words/tokens.ts';

/** A stretch of the question and what it says. */
export interface Span {
  readonly at: number;
  readonly end: number;
  readonly typed: string;
  readonly period?: Period;
  readonly days?: number;
  readonly number?: number;
  readonly meanings?: readonly Meaning[];
  readonly values?: readonly ValueMeaning[];
  /** "Customers" are accounts with this status, where the data tell. */
  readonly customers?: ValueMeaning;
  readonly account?: AccountMatch;
  readonly unknown?: true;
}

export interface Reading {
  readonly stems: readonly string[];
  readonly spans: readonly Span[];
}

/** Misspelt words that one question may have; more are left as they are. */
const maxCorrections = 24;
const longestName = 6;

interface Desk {
  readonly tokens: readonly Token[];
  readonly stems: string[];
  readonly spans: (Span | undefined)[];
  readonly vocabulary: Vocabulary;
  readonly accounts: AccountIndex;
}

/**
 * Reads the words in passes, the surest first: names of several words, times, phrases, names of which only a part or a misspelling is
 * given, single words. A word that one pass has used is gone for the next.
 */
export function read(
  tokens: readonly Token[],
  vocabulary: Vocabulary,
  accounts: AccountIndex,
  today: number,
): Reading {
  const desk: Desk = {
    tokens,
    stems: tokens.map((token) => token.stem),
    spans: new Array(tokens.length),
    vocabulary,
    accounts,
  };
  correctSpelling(desk);
  readWholeNames(desk);
  readTimes(desk, today);
  readPhrases(desk, 2);
  readPartialNames(desk);
  readPhrases(desk, 1);
  return { stems: desk.stems, spans: desk.spans.filter((span, index): span is Span => span?.at === index) };
}

const numeric = /^\d/;

function isKnown({ vocabulary, accounts }: Desk, stem: string): boolean {
  return (
    isLexiconWord(stem) ||
    numeric.test(stem) ||
    /^[qh][1-4]$/.test(stem) ||
    vocabulary.hasWord(stem) ||
    accounts.hasWord(stem) ||
    accounts.exact(stem) !== undefined
  );
}

/** Words in capitals amid small ones are names: they are not taken for misspelt words of ours. */
function correctSpelling(desk: Desk): void {
  const { tokens, stems } = desk;
  const isCapital = (token: Token) => /^\p{Lu}/u.test(token.raw);
  const manyCapitals = tokens.filter(isCapital).length > tokens.length / 2;
  let corrections = 0;
  for (const [index, token] of tokens.entries()) {
    const stem = stems[index] ?? '';
    if (corrections >= maxCorrections) return;
    if (isKnown(desk, stem) || (index > 0 && isCapital(token) && !manyCapitals)) continue;
    corrections += 1;
    const corrected = correct(stem);
    if (corrected) stems[index] = corrected;
  }
}

const isFree = ({ spans }: Desk, at: number, end: number): boolean => {
  for (let index = at; index < end; index++) if (spans[index]) return false;
  return true;
};

function take(desk: Desk, at: number, end: number, found: Omit<Span, 'at' | 'end' | 'typed'>): void {
  const typed = desk.tokens
    .slice(at, end)
    .map((token) => token.raw)
    .join(' ');
  const span: Span = { at, end, typed, ...found };
  for (let index = at; index < end; index++) desk.spans[index] = span;
}

function readWholeNames(desk: Desk): void {
  const { stems, vocabulary, accounts } = desk;
  for (let at = 0; at < stems.length; at++) {
    for (let end = Math.min(at + longestName, stems.length); end > at + 1; end--) {
      if (!isFree(desk, at, end)) continue;
      const key = stems.slice(at, end).join(' ');
      if (meaningsOf(key).length > 0) continue;
      const values = vocabulary.valuesOf(key);
      const account = values.length === 0 ? accounts.exact(key) : undefined;
      if (values.length > 0) take(desk, at, end, { values });
      else if (account) take(desk, at, end, { account: { certainty: 'exact', groups: [account] } });
    }
  }
}

const aheadWords = /^(?:closing|forecast|coverage|open|pipeline|due|upcoming|expected|land)$/;
const behindWords = /^(?:won|lost|closed|created|win|usage)$/;

function leanOf(stems: readonly string[]): Lean {
  const ahead = stems.some((stem) => aheadWords.test(stem) || stem === 'close');
  return ahead && !stems.some((stem) => behindWords.test(stem)) ? 'future' : 'past';
}

function readTimes(desk: Desk, today: number): void {
  const stems = desk.stems.map((stem, index) => (desk.spans[index] ? '' : stem));
  const days = { day: 1, week: 7, month: 30, quarter: 91, half: 182, year: 365 } as const;
  for (const { period, at, end } of findPeriods(stems, today, leanOf(stems))) {
    const isInactivity = /^(?:in|for|since)$/.test(stems[at - 1] ?? '') && stems.includes('no');
    const length = (period.to ?? today) - (period.from ?? today) + 1;
    take(desk, at, end, { period, ...(isInactivity && period.to === today && { days: length }) });
  }
  for (const index of stems.keys()) {
    const span = isFree(desk, index, index + 1) ? spanAt(stems, index) : undefined;
    if (span) take(desk, index, index + span.length, { days: span.count * days[span.unit] });
  }
}

/** Phrases of the lexicon, the longest first, down to `shortest` words. */
function readPhrases(desk: Desk, shortest: 1 | 2): void {
  const { stems } = desk;
  for (let at = 0; at < stems.length; at++) {
    for (let end = Math.min(at + longestPhrase, stems.length); end >= at + shortest; end--) {
      if (!isFree(desk, at, end)) continue;
      if (readAt(desk, at, end)) break;
    }
  }
}

function readAt(desk: Desk, at: number, end: number): boolean {
  const key = end === at + 1 ? (desk.stems[at] ?? '') : desk.stems.slice(at, end).join(' ');
  const meanings = meaningsOf(key);
  const isWeak = meanings.every(({ kind }) => kind === 'stop' || kind === 'name');
  const customers = meanings.some(
    ({ kind, value }: { kind: string; value?: string }) => kind === 'entity' && value === 'customer',
  )
    ? desk.vocabulary.valuesOf('customer').find(({ dimension }) => dimension === 'account_status')
    : undefined;
  if (!isWeak) take(desk, at, end, { meanings, ...(customers && { customers }) });
  else if (end > at + 1) {
    if (meanings.length === 0) return false;
    take(desk, at, end, { meanings });
  } else take(desk, at, end, single(desk, at, key, meanings));
  return true;
}

function single(
  desk: Desk,
  at: number,
  key: string,
  weak: readonly Meaning[],
): Omit<Span, 'at' | 'end' | 'typed'> {
  const number = amountIn(desk.tokens[at]?.word ?? '');
  if (number !== undefined) return { number };
  const values = desk.vocabulary.valuesOf(key);
  if (values.length > 0) return { values };
  if (weak.length > 0 || isLexiconWord(key) || key.length < 2) return { meanings: weak };
  const account = desk.accounts.exact(key);
  return account ? { account: { certainty: 'exact', groups: [account] } } : { unknown: true };
}

const factors: ReadonlyMap<string, number> = new Map(
  Object.entries({
    k: 1e3,
    m: 1e6,
    mm: 1e6,
    mn: 1e6,
    mio: 1e6,
    b: 1e9,
    bn: 1e9,
  }),
);

/** "100k", "1,250,000", "1.5m"; not dates or ordinals. */
function amountIn(word: string): number | undefined {
  const match = /^(\d+(?:,\d{3})*(?:\.\d+)?)([a-z]*)$/.exec(word);
  if (!match) return undefined;
  const [, digits = '', suffix = ''] = match;
  const factor = suffix === '' ? 1 : factors.get(suffix);
  return factor && digits.length < 16 ? Number(digits.replaceAll(',', '')) * factor : undefined;
}

/** Words that nothing else knows are names: whole, in part, or misspelt. Words around them may belong to the name. */
function readPartialNames(desk: Desk): void {
  const { stems } = desk;
  let searches = 0;
  for (let at = 0; at < stems.length && searches < maxCorrections; at++) {
    if (!isName(desk, at)) continue;
    searches += 1;
    let end = at + 1;
    while (end < stems.length && end < at + longestName && isName(desk, end)) end++;
    if (!takeJoined(desk, at, end) && !takeName(desk, at, end)) take(desk, at, end, { unknown: true });
    at = Math.max(at, (desk.spans[at]?.end ?? at + 1) - 1);
  }
}

function isName(desk: Desk, at: number): boolean {
  const stem = desk.stems[at] ?? '';
  return (
    isFree(desk, at, at + 1) &&
    !isLexiconWord(stem) &&
    !numeric.test(stem) &&
    stem.length > 1 &&
    desk.vocabulary.valuesOf(stem).length === 0 &&
    desk.accounts.exact(stem) === undefined
  );
}

/** "Harbor Data Systems" is not the account "Harbor Data": a capital right beside a name is part of it. */
function takeJoined(desk: Desk, at: number, end: number): boolean {
  const { spans, tokens, stems } = desk;
  const isCapital = (index: number) => /^\p{Lu}/u.test(tokens[index]?.raw ?? '');
  const [before, after] = [spans[at - 1], spans[end]];
  const from = before?.account && isCapital(at) && isCapital(at - 1) && at > 1 ? before.at : at;
  const to = after?.account && isCapital(at) && isCapital(end) && at > 0 ? after.end : end;
  if (from === at && to === end) return false;
  const account = desk.accounts.search(stems.slice(from, to));
  take(desk, from, to, account ? { account } : { unknown: true });
  return true;
}

function takeName(desk: Desk, at: number, end: number): boolean {
  const words = desk.stems.slice(at, end);
  const values =
    end === at + 1 && !desk.accounts.hasWord(words[0] ?? '') ? nearValues(desk, words[0] ?? '') : [];
  if (values.length > 0) {
    take(desk, at, end, { values });
    return true;
  }
  const account = desk.accounts.search(words);
  if (account) takeWidest(desk, at, end, account);
  return account !== undefined;
}

/** Takes in what follows and what stands before while it narrows the accounts down. */
function takeWidest(desk: Desk, at: number, end: number, account: AccountMatch): void {
  let best = account;
  let [from, to] = [at, end];
  for (const step of [1, 1, 1, -1, -1]) {
    const next = step > 0 ? to : from - 1;
    if (!isFree(desk, next, next + 1) || !desk.accounts.hasWord(desk.stems[next] ?? '')) continue;
    const [newFrom, newTo] = step > 0 ? [from, to + 1] : [from - 1, to];
    const wider = desk.accounts.search(desk.stems.slice(newFrom, newTo));
    if (!wider) continue;
    [best, from, to] = [wider, newFrom, newTo];
  }
  take(desk, from, to, { account: best });
}

function nearValues({ vocabulary }: Desk, word: string): readonly ValueMeaning[] {
  return vocabulary.nearWords.find(word).flatMap((near) => vocabulary.valuesOf(near));
}
