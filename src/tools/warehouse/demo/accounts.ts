import { createRandom, type Random } from './random.ts';
import {
  countries,
  firstNames,
  industrySpellings,
  lastNames,
  legalSuffixes,
  nameBeginnings,
  nameEndings,
  regions,
  type Segment,
  segmentSizes,
  segments,
} from './vocabulary.ts';

/** Days are counted back from today: 0 is today, 30 is thirty days ago, -30 lies ahead. */
export type DaysAgo = number;

export type DemoRow = Readonly<Record<string, string | number | null>>;

export interface DemoOwner {
  readonly owner_id: string;
  readonly name: string;
  readonly manager: string;
  readonly region: string;
  readonly email: string;
}

/** An account with what the other tables need to know about it and its row does not say. */
export interface DemoAccount {
  readonly id: string;
  readonly name: string;
  readonly region: string;
  readonly segment: Segment;
  readonly industry: string;
  readonly status: 'customer' | 'prospect' | 'churned';
  /** The first day as a customer. */
  readonly sinceDaysAgo: DaysAgo;
  /** When a churned customer left. */
  readonly churnedDaysAgo: DaysAgo;
  readonly owner: DemoOwner;
  readonly row: DemoRow;
}

/** The account that the guides and examples ask about. */
export const showcaseAccount = 'IXIS';

const number = (prefix: string, at: number, digits: number) =>
  `${prefix}-${String(at).padStart(digits, '0')}`;
const domainOf = (name: string) => `${name.toLowerCase().replaceAll(/[^a-z]+/g, '')}.example`;

export function makeOwners(seed: string): readonly DemoOwner[] {
  const random = createRandom(`${seed}/owners`);
  const names = new Set<string>();
  while (names.size < 29) names.add(`${random.pick(firstNames)} ${random.pick(lastNames)}`);
  const [...people] = names;
  const managers = people.splice(0, regions.length);
  return people.map((name, at) => {
    const region = regions[at % regions.length] as string;
    const email = `${name
      .toLowerCase()
      .replaceAll(/[^a-z ]/g, '')
      .replaceAll(' ', '.')}@signalbox.example`;
    const manager = managers[at % regions.length] as string;
    return { owner_id: number('USR', at + 1, 2), name, manager, region, email };
  });
}

export function makeAccounts(seed: string, owners: readonly DemoOwner[]): readonly DemoAccount[] {
  const random = createRandom(`${seed}/accounts`);
  const accounts = companyNames(random, 291).map(([name, industry], at) =>
    makeAccount(random, { at: at + 2, name, industry, owners }),
  );
  const showcase = makeShowcase(random, owners);
  return [showcase, ...accounts, ...duplicatesOf(random, accounts)];
}

function companyNames(random: Random, count: number): readonly (readonly [string, string])[] {
  const names = new Map<string, readonly [string, string]>();
  while (names.size < count) {
    const [ending, industry] = random.pick(nameEndings);
    const plain = `${random.pick(nameBeginnings)} ${ending}`;
    if (!names.has(plain)) names.set(plain, [`${plain}${random.weighted(legalSuffixes)}`, industry]);
  }
  return [...names.values()];
}

interface AccountIdea {
  readonly at: number;
  readonly name: string;
  readonly industry: string;
  readonly owners: readonly DemoOwner[];
  readonly segment?: Segment;
  readonly region?: string;
  readonly status?: DemoAccount['status'];
}

function makeAccount(random: Random, idea: AccountIdea): DemoAccount {
  const region = idea.region ?? random.pick(regions);
  const owner = random.pick(idea.owners.filter((candidate) => candidate.region === region));
  const drawn = random.weighted([
    ['customer', 46],
    ['prospect', 42],
    ['churned', 12],
  ] as const);
  const status = idea.status ?? drawn;
  const sinceDaysAgo = random.between(120, 1_300);
  const account = {
    id: number('ACC', idea.at, 4),
    name: idea.name,
    industry: idea.industry,
    region,
    owner,
    status,
    segment: idea.segment ?? random.weighted(segments),
    sinceDaysAgo,
    churnedDaysAgo: random.between(15, sinceDaysAgo - 90),
  };
  return { ...account, row: rowOf(random, account) };
}

/** What the CRM shows: not all of it is filled in, and not all of it is spelt alike. */
function rowOf(random: Random, account: Omit<DemoAccount, 'row'>): DemoRow {
  const spellings = industrySpellings[account.industry] ?? [];
  const employees = Math.round(segmentSizes[account.segment].employees * random.skewed(0.5));
  const revenue = Math.round((employees * 180 * random.skewed(0.4)) / 100) * 100_000;
  const isCustomer = account.status !== 'prospect';
  return {
    account_id: account.id,
    name: account.name,
    industry: spellings.length > 0 && random.chance(0.12) ? random.pick(spellings) : account.industry,
    region: random.chance(0.04) ? null : account.region,
    country: random.chance(0.05) ? null : random.pick(countries[account.region] ?? ['United States']),
    segment: random.chance(0.03) ? null : account.segment,
    employees: random.chance(0.06) ? null : employees,
    annual_revenue: random.chance(0.1) ? null : revenue,
    founded_year: random.chance(0.1) ? null : random.between(1948, 2021),
    parent_account: null,
    website: random.chance(0.15) ? null : domainOf(account.name),
    status: account.status,
    customer_since: isCustomer ? account.sinceDaysAgo : null,
    owner_id: random.chance(0.02) ? null : account.owner.owner_id,
  };
}

function makeShowcase(random: Random, owners: readonly DemoOwner[]): DemoAccount {
  const idea = { segment: 'Enterprise', region: 'West', status: 'customer', industry: 'Technology' } as const;
  const account = {
    ...makeAccount(random, { at: 1, name: showcaseAccount, owners, ...idea }),
    sinceDaysAgo: 800,
  };
  const row = {
    ...account.row,
    industry: 'Technology',
    region: 'West',
    segment: 'Enterprise',
    employees: 4_200,
  };
  return { ...account, row: { ...row, customer_since: 800, owner_id: account.owner.owner_id } };
}

/** The same company entered twice, by somebody in a hurry. */
function duplicatesOf(random: Random, accounts: readonly DemoAccount[]): readonly DemoAccount[] {
  const respell = [
    (name: string) => name.toUpperCase(),
    (name: string) => name.replace(/ (Inc|Ltd|LLC|GmbH|Group)$/, ''),
    (name: string) => `${name.replace(/ (Inc|Ltd|LLC|GmbH|Group)$/, '')}, Inc.`,
    (name: string) => name.replace(' ', '  '),
  ];
  return Array.from({ length: 8 }, (_, at) => {
    const original = accounts[random.between(0, accounts.length - 1)] as DemoAccount;
    const id = number('ACC', accounts.length + 2 + at, 4);
    const name = respell[at % respell.length]?.(original.name) ?? original.name;
    const row = {
      ...original.row,
      account_id: id,
      name,
      employees: null,
      annual_revenue: null,
      website: null,
    };
    return {
      ...original,
      id,
      name,
      status: 'prospect',
      row: { ...row, status: 'prospect', customer_since: null },
    };
  });
}
