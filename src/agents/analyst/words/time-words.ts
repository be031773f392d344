import type { Unit } from './calendar.ts';

/** Without a prototype: "constructor" is no word of time. */
const dictionary = <Value>(words: Readonly<Record<string, Value>>): Readonly<Record<string, Value>> =>
  Object.assign(Object.create(null), words);

/** The words of time, as stems (tokens.ts). The reference page lists them; a test compares the two. */

export const unitWords = dictionary<Unit>({
  day: 'day',
  week: 'week',
  month: 'month',
  quarter: 'quarter',
  qtr: 'quarter',
  half: 'half',
  year: 'year',
  yr: 'year',
});

export const monthWords = dictionary<number>({
  january: 0,
  jan: 0,
  february: 1,
  feb: 1,
  march: 2,
  mar: 2,
  april: 3,
  apr: 3,
  may: 4,
  june: 5,
  jun: 5,
  july: 6,
  jul: 6,
  august: 7,
  aug: 7,
  september: 8,
  sept: 8,
  sep: 8,
  october: 9,
  oct: 9,
  november: 10,
  nov: 10,
  december: 11,
  dec: 11,
});

/** How many units away: "last week" is -1. */
export const offsetWords = dictionary<number>({
  this: 0,
  current: 0,
  last: -1,
  previou: -1,
  previous: -1,
  past: -1,
  prior: -1,
  next: 1,
  nxt: 1,
  coming: 1,
  upcoming: 1,
  following: 1,
});

/** "the last 30 days", "next 90 days". */
export const rollingWords = dictionary<'past' | 'future'>({
  last: 'past',
  past: 'past',
  previou: 'past',
  previous: 'past',
  trailing: 'past',
  recent: 'past',
  prior: 'past',
  next: 'future',
  nxt: 'future',
  coming: 'future',
  upcoming: 'future',
  following: 'future',
});

export const numberWords = dictionary<number>({
  one: 1,
  two: 2,
  three: 3,
  four: 4,
  five: 5,
  six: 6,
  seven: 7,
  eight: 8,
  nine: 9,
  ten: 10,
  twelve: 12,
  fifteen: 15,
  twenty: 20,
  thirty: 30,
  sixty: 60,
  ninety: 90,
});

export const ordinalWords = dictionary<number>({
  first: 1,
  '1st': 1,
  second: 2,
  '2nd': 2,
  third: 3,
  '3rd': 3,
  fourth: 4,
  '4th': 4,
});

export const dayWords = dictionary<number>({ today: 0, yesterday: -1, tomorrow: 1 });

export const toDateWords = dictionary<Unit>({ ytd: 'year', qtd: 'quarter', mtd: 'month' });

/** Words that open a range, and words that join its ends. */
export const boundWords = ['since', 'from', 'between', 'after', 'before', 'until', 'till', 'by', 'starting'];
export const joinWords = ['to', 'and', 'until', 'till', 'through', 'thru'];

/** Every word of time, so that misspelt ones can be corrected. */
export const allTimeWords: readonly string[] = [
  ...[unitWords, monthWords, offsetWords, rollingWords, ordinalWords, dayWords, numberWords].flatMap(
    (words) => Object.keys(words),
  ),
  ...Object.keys(toDateWords),
  ...boundWords,
  ...joinWords,
  'date',
  'end',
  'ever',
];
