import { quoteText } from '../layout.ts';
import type { DateOrder } from './mapping-file.ts';

/**
 * SQL expressions that read cells of text as numbers, days, moments and truth values. They give null for what is no such
 * thing, so that each failing cell can be named. `text` is an expression for a trimmed text that is not empty. Pure.
 */

/** What counts as an empty cell, whatever the column is. */
const empties = ['', 'null', 'n/a', '#n/a', '#value!', '#ref!', '-', '--'];
/** What counts as empty where a number or a date is expected. */
const unknowns = ['na', 'nan', 'none', 'unknown', 'tbd', '?', 'inf', 'infinity', '-infinity', '-inf'];

/**
 * Whether a text is one of these, in any case. One pattern, because each text of an IN list is a vector of its own for
 * each column and thread, and a file with hundreds of columns has no memory left then.
 */
const isOneOf = (text: string, texts: readonly string[]) =>
  `regexp_full_match(${text}, ${quoteText(`(?i)${texts.map(literal).join('|')}`)})`;
const list = (texts: readonly string[]) => texts.map(quoteText).join(', ');
const literal = (text: string) => text.replace(/[?/#!-]/g, '[$&]');

/** Numbers, ISO days and ordinary words: nothing to clean, which is most cells of a large file. */
const clean = '(?s)-?[0-9][0-9.:-]*|[0-9A-Za-z]{4}.*[0-9A-Za-z]{2}';

/** The cell without the space around it, null when there is nothing in it. */
export function cleanSql(cell: string): string {
  const trimmed = `trim(${cell}, ' ' || chr(9) || chr(10) || chr(13) || chr(160))`;
  return `CASE WHEN regexp_full_match(${cell}, '${clean}') THEN ${cell} WHEN ${isOneOf(trimmed, empties)} THEN NULL ELSE ${trimmed} END`;
}

export const knownSql = (text: string): string =>
  `CASE WHEN length(${text}) < 10 AND ${isOneOf(text, unknowns)} THEN NULL ELSE ${text} END`;

export type DecimalMark = 'point' | 'comma';

const currencies = 'USD|EUR|GBP|CHF|JPY|INR|CAD|AUD|SEK|NOK|DKK|PLN|BRL|CNY|Rs[.]?|kr[.]?';
/** Spaces of all widths, apostrophes (Swiss thousands) and signs of currencies. */
const ornaments = `(?i)[\\s\\x{00A0}\\x{202F}\\x{2009}'’$€£¥₹]|^(${currencies})|(${currencies})$`;

/** Digits, signs and marks alone, with an ordinary minus. */
export const bareNumberSql = (text: string): string =>
  `replace(regexp_replace(${text}, ${quoteText(ornaments)}, '', 'g'), '−', '-')`;

const numberForm = (group: string, mark: string) =>
  `[(]?[+-]?(\\d{1,3}([${group}]\\d{2,3})*[${group}]\\d{3}|\\d+)?([${mark}]\\d*)?([eE][+-]?\\d{1,3})?%?[)]?-?`;

export const numberForms: Readonly<Record<DecimalMark, string>> = {
  point: numberForm(',', '.'),
  comma: numberForm('.', ','),
};

/** `$1,234.50`, `(1.234,50 €)`, `45 %` (45), `1e6`. */
export function numberSql(text: string, mark: DecimalMark): string {
  const bare = bareNumberSql(text);
  const group = mark === 'point' ? ',' : '.';
  const digits = `replace(replace(trim(${bare}, '()%-+'), ${quoteText(group)}, ''), ',', '.')`;
  const negative = `(${bare} LIKE '-%' OR ${bare} LIKE '(%)' OR ${bare} LIKE '(-%' OR ${bare} LIKE '%-')`;
  return `CASE WHEN regexp_full_match(${bare}, ${quoteText(numberForms[mark])})
    THEN CASE WHEN ${negative} THEN -1 ELSE 1 END * try_cast(${digits} AS DOUBLE) END`;
}

/** For columns without ornaments: several times as fast. */
const plainNumberForm = '-?\\d+([.]\\d+)?([eE][+-]?\\d{1,3})?';
export const plainNumberSql = (text: string): string =>
  `CASE WHEN regexp_full_match(${text}, ${quoteText(plainNumberForm)}) THEN try_cast(${text} AS DOUBLE) END`;

const time =
  '([T ,]+\\d{1,2}:\\d{2}(:\\d{2}([.,]\\d+)?)?\\s*([AaPp][.]?[Mm][.]?)?\\s*(Z|UTC|GMT|[+-]\\d{2}:?\\d{0,2})?)?';

/** The ways of writing a day that are told apart. */
export const dateForms = {
  iso: `\\d{4}[-/.]\\d{1,2}[-/.]\\d{1,2}${time}`,
  numeric: `\\d{1,2}[-/.]\\d{1,2}[-/.](\\d{4}|\\d{2})${time}`,
  compact: '(19|20)\\d{6}',
  words: `([A-Za-z]{3,9}[.,]? +)?(\\d{1,2}(st|nd|rd|th)?[-/., ]+[A-Za-z]{3,9}[-/., ]+(\\d{4}|\\d{2})|[A-Za-z]{3,9}[-/., ]+\\d{1,2}(st|nd|rd|th)?[-/., ]+\\d{4}|\\d{4}[-/., ]+[A-Za-z]{3,9}[-/., ]+\\d{1,2})${time}`,
} as const;
export type DateForm = keyof typeof dateForms;

const isoDay = (text: string) =>
  `try_cast(regexp_replace(regexp_extract(${text}, '^\\d{4}[-/.]\\d{1,2}[-/.]\\d{1,2}'), '[/.]', '-', 'g') AS DATE)`;

export const numericParts = '^(\\d{1,2})[-/.](\\d{1,2})[-/.](\\d{4}|\\d{2})';
const part = (text: string, at: number) => `regexp_extract(${text}, ${quoteText(numericParts)}, ${at})`;

/** What 03/04/2026 means, and what 03.04.2026 does: one file may have both, from two programs. */
export interface DateOrders {
  readonly dotted: DateOrder;
  readonly other: DateOrder;
}

/** A day of the wrong order that no calendar has (13/02 where the month comes first) is read in the only way it can be. */
function numericDay(text: string, orders: DateOrders): string {
  const year = part(text, 3);
  const century = `CASE WHEN length(${year}) = 4 THEN '' WHEN ${year} >= '70' THEN '19' ELSE '20' END`;
  const day = (month: number, day: number) =>
    `try_cast(${century} || ${year} || '-' || ${part(text, month)} || '-' || ${part(text, day)} AS DATE)`;
  const read = (order: DateOrder) =>
    order === 'day first' ? `coalesce(${day(2, 1)}, ${day(1, 2)})` : `coalesce(${day(1, 2)}, ${day(2, 1)})`;
  if (orders.dotted === orders.other) return read(orders.other);
  return `CASE WHEN ${dottedSql(text)} THEN ${read(orders.dotted)} ELSE ${read(orders.other)} END`;
}

/** Whether a day of numbers is cut by dots. */
export const dottedSql = (text: string): string => `regexp_matches(${text}, '^\\d{1,2}[.]')`;

const wordFormats = [
  '%d %b %Y',
  '%d %B %Y',
  '%b %d %Y',
  '%B %d %Y',
  '%d %b %y',
  '%d %B %y',
  '%Y %b %d',
  '%Y %B %d',
];

function wordDay(text: string): string {
  const withoutTime = `regexp_replace(${text}, '[T ,]+\\d{1,2}:\\d{2}.*$', '')`;
  const spaced = `trim(regexp_replace(regexp_replace(${withoutTime}, '(?i)(\\d)(st|nd|rd|th)\\b', '\\1'), '[-/., ]+', ' ', 'g'))`;
  const withoutWeekday = `regexp_replace(${spaced}, '(?i)^(mon|tue|wed|thu|fri|sat|sun)[a-z]* ', '')`;
  return `try_strptime(${withoutWeekday}, [${list(wordFormats)}])::DATE`;
}

/** `orders` decide what 03/04/2026 means; `forms` are those that the column has. */
export function dateSql(text: string, forms: readonly DateForm[], orders: DateOrders): string {
  const readers: Readonly<Record<DateForm, string>> = {
    iso: isoDay(text),
    numeric: numericDay(text, orders),
    compact: `try_strptime(${text}, '%Y%m%d')::DATE`,
    words: wordDay(text),
  };
  const cases = forms.map(
    (form) => `WHEN regexp_full_match(${text}, ${quoteText(dateForms[form])}) THEN ${readers[form]}`,
  );
  return cases.length === 0 ? 'NULL::DATE' : `CASE ${cases.join(' ')} END`;
}

const momentForm = `\\d{4}-\\d{2}-\\d{2}[T ]\\d{2}:\\d{2}(:\\d{2}([.]\\d+)?)?\\s*(Z|[+-]\\d{2}(:?\\d{2})?)?`;
/** A time without a zone is taken for UTC. */
export const momentSql = (text: string): string =>
  `CASE WHEN regexp_full_match(${text}, ${quoteText(momentForm)}) THEN try_cast(${text} AS TIMESTAMPTZ)::TIMESTAMP END`;

const truths = ['true', 'yes', 'y'];
const falsehoods = ['false', 'no', 'n'];
export const booleanSql = (text: string): string =>
  `CASE WHEN lower(${text}) IN (${list(truths)}) THEN true WHEN lower(${text}) IN (${list(falsehoods)}) THEN false END`;

/**
 * A line of totals or a footnote, as reports have them below the rows: recognised by its first cell, and where that could be a
 * name as well (there is a company called Total), by hardly any other cell being filled.
 */
export function footerSql(cells: readonly string[]): string {
  const [first, ...others] = cells;
  if (first === undefined || others.length < 2) return 'false';
  const filled = others.map((cell) => `(${cell} IS NOT NULL)::INTEGER`).join(' + ');
  const matches = (pattern: string) =>
    `coalesce(regexp_full_match(${first}, ${quoteText(`(?is)${pattern}`)}), false)`;
  return `(${matches('(grand|sub)[ -]?totals?\\b.*')} OR (${matches('totals?( [(].*[)])?:?|.*(confidential|copyright).*')} AND ${filled} < 2))`;
}
