import type { Row, Warehouse } from '../../tools/warehouse/warehouse.ts';
import { type AccountIndex, createAccountIndex } from './account-index.ts';
import { type DataProfile, profile } from './data-profile.ts';
import { type ColumnPath, type DimensionName, dimensions } from './semantic-layer/dimensions.ts';
import { closedStageCandidates, isConverted, statusOfStage } from './semantic-layer/stages.ts';
import { isLexiconWord } from './words/lexicon.ts';
import { createNearWords, type NearWords } from './words/near-words.ts';
import { keyOf, type Token } from './words/tokens.ts';

/**
 * The values in the data, read once per revision of the warehouse and kept. Bounds, so that a large warehouse costs no more:
 * of a dimension at most 2,000 values are known by name; accounts are indexed in memory up to 50,000, beyond which the few
 * that a question's words may mean are looked up by SQL, for each question (`accountsFor`).
 */
const maxValuesPerDimension = 2_000;
const maxIndexedAccounts = 50_000;
const maxLookedUpAccounts = 500;

export interface ValueMeaning {
  readonly dimension: DimensionName;
  /** As they are spelt in the data; several when spellings differ in case or punctuation. */
  readonly values: readonly string[];
}

/** How far open deals are filled in: typical exports have no amount or close date before a deal is closed. */
export interface OpenDeals {
  readonly count: number;
  readonly withAmount: number;
  readonly withCloseDate: number;
  readonly withProbability: number;
  readonly withActivity: number;
}

export interface Vocabulary {
  readonly profile: DataProfile;
  readonly wonStages: readonly string[];
  readonly lostStages: readonly string[];
  readonly convertedStatuses: readonly string[];
  readonly openDeals: OpenDeals;
  valuesOf(key: string): readonly ValueMeaning[];
  /** All values of a dimension that are known by name. */
  all(dimension: DimensionName): readonly string[];
  hasWord(word: string): boolean;
  readonly nearWords: NearWords;
  /** An account with deals and calls, for examples. */
  readonly exampleAccount: string | undefined;
  /** The accounts that the words may mean: all of them, or those that were looked up. */
  accountsFor(tokens: readonly Token[]): AccountIndex | Promise<AccountIndex>;
}

export async function readVocabulary(warehouse: Warehouse): Promise<Vocabulary> {
  const filled = await profile(warehouse);
  const [stages, statuses, values, accounts] = await Promise.all([
    closedStages(warehouse, filled),
    distinct(warehouse, filled, 'leads.status'),
    readValues(warehouse, filled),
    accountsOf(warehouse, filled),
  ]);
  const wonStages = stages.filter((stage) => statusOfStage(stage) === 'won');
  const lostStages = stages.filter((stage) => statusOfStage(stage) === 'lost');
  return {
    profile: filled,
    wonStages,
    lostStages,
    openDeals: await readOpenDeals(warehouse, filled, [...wonStages, ...lostStages]),
    convertedStatuses: statuses.filter(isConverted),
    accountsFor: accounts,
    exampleAccount: await readExampleAccount(warehouse, filled),
    ...values,
  };
}

const texts = (rows: readonly Row[], column: string): readonly string[] =>
  rows.map((row) => row[column]).filter((cell): cell is string => typeof cell === 'string' && cell !== '');

async function closedStages(warehouse: Warehouse, filled: DataProfile): Promise<readonly string[]> {
  if (filled.filled('opportunities.stage') === 0) return [];
  const like = closedStageCandidates
    .map((word) => `lower(opportunities.stage) LIKE '%${word}%'`)
    .join(' OR ');
  const text = `SELECT DISTINCT opportunities.stage AS stage FROM opportunities WHERE ${like} ORDER BY 1`;
  return texts((await warehouse.query(text, { rowLimit: 1_000 })).rows, 'stage');
}

async function readOpenDeals(
  warehouse: Warehouse,
  filled: DataProfile,
  closed: readonly string[],
): Promise<OpenDeals> {
  const columns = ['amount', 'close_date', 'probability', 'last_activity_date'] as const;
  const terms = columns.map((name) =>
    filled.filled(`opportunities.${name}`) > 0 ? `count(opportunities.${name}) AS ${name}` : `0 AS ${name}`,
  );
  const where =
    closed.length === 0
      ? ''
      : ` WHERE stage IS NULL OR stage NOT IN (${closed.map((_, index) => `$${index + 1}`).join(', ')})`;
  const hasDeals = filled.rowCount('opportunities') > 0;
  const text = `SELECT count(*) AS deals, ${terms.join(', ')} FROM opportunities${where}`;
  const row = hasDeals ? (await warehouse.query(text, { parameters: closed })).rows[0] : undefined;
  const number = (name: string) => Number(row?.[name] ?? 0);
  return {
    count: number('deals'),
    withAmount: number('amount'),
    withCloseDate: number('close_date'),
    withProbability: number('probability'),
    withActivity: number('last_activity_date'),
  };
}

async function distinct(
  warehouse: Warehouse,
  filled: DataProfile,
  path: ColumnPath,
  missingIn?: 'owners' | 'products',
): Promise<readonly string[]> {
  if (filled.filled(path) === 0) return [];
  const missing = missingIn === undefined ? '' : ` AND ${isMissingIn(path, missingIn)}`;
  const text = `SELECT DISTINCT ${path} AS found FROM ${path.split('.')[0]} WHERE ${path} IS NOT NULL${missing} ORDER BY 1 LIMIT ${maxValuesPerDimension + 1}`;
  const { rows } = await warehouse.query(text, { rowLimit: maxValuesPerDimension + 1 });
  return rows.length > maxValuesPerDimension ? [] : texts(rows, 'found');
}

/** Where an id joins to nothing: `opportunities.owner_id` of which `owners` has no row. */
const isMissingIn = (path: ColumnPath, table: 'accounts' | 'owners' | 'products'): string =>
  `NOT EXISTS (SELECT 1 FROM ${table} AS named WHERE named.${path.split('.')[1]} = ${path} AND named.name IS NOT NULL)`;

type Values = Pick<Vocabulary, 'valuesOf' | 'all' | 'hasWord' | 'nearWords'>;

async function readValues(warehouse: Warehouse, filled: DataProfile): Promise<Values> {
  const found = new Map<string, Map<DimensionName, Set<string>>>();
  const all = new Map<DimensionName, Set<string>>();
  const learn = (key: string, dimension: DimensionName, value: string) => {
    if (key === '') return;
    const byDimension = found.get(key) ?? new Map<DimensionName, Set<string>>();
    found.set(key, byDimension);
    byDimension.set(dimension, (byDimension.get(dimension) ?? new Set()).add(value));
  };
  for (const [dimension, value] of await readPairs(warehouse, filled)) {
    all.set(dimension, (all.get(dimension) ?? new Set()).add(value));
    for (const key of waysToSay(dimension, value)) learn(key, dimension, value);
  }
  const words = [...found.keys()].flatMap((key) => key.split(' '));
  const nearWords = createNearWords(words);
  const meanings = new Map(
    [...found].map(([key, byDimension]) => [
      key,
      [...byDimension].map(([dimension, values]) => ({ dimension, values: [...values] })),
    ]),
  );
  const known = new Set(words);
  return {
    valuesOf: (key) => meanings.get(key) ?? [],
    all: (dimension) => [...(all.get(dimension) ?? [])],
    hasWord: (word) => known.has(word),
    nearWords,
  };
}

async function readPairs(
  warehouse: Warehouse,
  filled: DataProfile,
): Promise<readonly (readonly [DimensionName, string])[]> {
  const paths = dimensions
    .filter(({ name }) => name !== 'account')
    .flatMap(({ name, sources }) =>
      [...new Set(Object.values(sources).flat() as readonly ColumnPath[])].map(
        (path) => [name, path] as const,
      ),
    )
    .filter(([, path]) => !path.endsWith('_id') || namingTable(path) !== undefined);
  const lists = await Promise.all(
    paths.map(async ([name, path]) =>
      (await distinct(warehouse, filled, path, namingTable(path))).map((value) => [name, value] as const),
    ),
  );
  return lists.flat();
}

/** Ids are values where the table that would name them does not have them: a file often has a name there. */
function namingTable(path: ColumnPath): 'owners' | 'products' | undefined {
  if (path.endsWith('.owner_id')) return 'owners';
  return path.endsWith('.product_id') ? 'products' : undefined;
}

/** A person also by first or last name; a value in the singular ("Renewals"). One letter or a word of the lexicon is no name. */
function waysToSay(dimension: DimensionName, value: string): readonly string[] {
  const key = keyOf(value);
  if (dimension !== 'owner' && dimension !== 'manager') return [key];
  const parts = key.split(' ').filter((word) => word.length > 1 && !isLexiconWord(word));
  return [...new Set([key, ...parts])];
}

async function accountsOf(
  warehouse: Warehouse,
  filled: DataProfile,
): Promise<(tokens: readonly Token[]) => AccountIndex | Promise<AccountIndex>> {
  const source = filled.filled('accounts.name') > 0 ? 'accounts' : 'opportunities';
  const name = source === 'accounts' ? 'name' : 'account_id';
  const total = filled.filled(`${source}.${name}`);
  if (total === 0) return () => empty;
  if (source === 'accounts' && total > maxIndexedAccounts) return (tokens) => lookUp(warehouse, tokens);
  const strangers =
    source === 'accounts' && filled.filled('opportunities.account_id') > 0
      ? ` UNION SELECT account_id, account_id FROM opportunities WHERE account_id IS NOT NULL AND ${isMissingIn('opportunities.account_id', 'accounts')}`
      : '';
  const text = `SELECT DISTINCT account_id, ${name} AS name FROM ${source} WHERE ${name} IS NOT NULL${strangers} ORDER BY 1 LIMIT ${maxIndexedAccounts}`;
  const index = createAccountIndex(
    pairs((await warehouse.query(text, { rowLimit: maxIndexedAccounts })).rows),
  );
  return () => index;
}

const empty = createAccountIndex([]);

async function readExampleAccount(warehouse: Warehouse, filled: DataProfile): Promise<string | undefined> {
  if (filled.filled('accounts.name') === 0) return undefined;
  const text = 'SELECT name FROM accounts WHERE name IS NOT NULL ORDER BY account_id LIMIT 1';
  return texts((await warehouse.query(text)).rows, 'name')[0];
}

const pairs = (rows: readonly Row[]) =>
  rows.map((row) => [String(row.account_id ?? row.name), String(row.name)] as const);

/** Of many accounts, those whose name begins with or has one of the question's words that are no words of ours. */
async function lookUp(warehouse: Warehouse, tokens: readonly Token[]): Promise<AccountIndex> {
  const words = tokens
    .filter(({ word, stem }) => word.length > 2 && !isLexiconWord(stem))
    .slice(0, 5)
    .map(({ word }) => word);
  if (words.length === 0) return empty;
  const parameters = words.flatMap((word) => [`${word.slice(0, 4)}%`, `% ${word.slice(0, 4)}%`]);
  const like = parameters.map((_, index) => `lower(accounts.name) LIKE $${index + 1}`).join(' OR ');
  const whole = words.map(
    (_, index) => `CASE WHEN lower(accounts.name) LIKE $${parameters.length + index + 1} THEN 1 ELSE 0 END`,
  );
  // Those that have most of the words come first: one common word ("Foods") must not crowd out the account that is meant.
  const text = `SELECT account_id, name FROM accounts WHERE ${like} ORDER BY ${whole.join(' + ')} DESC, length(name), account_id LIMIT ${maxLookedUpAccounts}`;
  const { rows } = await warehouse.query(text, {
    parameters: [...parameters, ...words.map((word) => `%${word}%`)],
    rowLimit: maxLookedUpAccounts,
  });
  return createAccountIndex(pairs(rows));
}
