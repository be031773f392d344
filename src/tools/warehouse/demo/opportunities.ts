import type { DaysAgo, DemoAccount, DemoOwner, DemoRow } from './accounts.ts';
import { createRandom, type Random } from './random.ts';
import { leadSources, lossReasons, nextSteps, products, segmentSizes } from './vocabulary.ts';

export interface DemoOpportunity {
  readonly id: string;
  readonly account: DemoAccount;
  readonly productId: string;
  readonly outcome: 'won' | 'lost' | 'open';
  readonly createdDaysAgo: DaysAgo;
  /** The day that it closed, or today while it is open: calls lie between creation and this day. */
  readonly endedDaysAgo: DaysAgo;
  readonly row: DemoRow;
}

type DealType = 'New Business' | 'Expansion' | 'Renewal';

const openStages = ['Prospecting', 'Qualification', 'Discovery', 'Proposal', 'Negotiation'] as const;
const stageProbability = [10, 20, 40, 60, 80] as const;
const winChance: Readonly<Record<DealType, number>> = {
  'New Business': 0.34,
  Expansion: 0.52,
  Renewal: 0.84,
};
/** Some regions and lines sell better, so that there is something to find out. */
const regionFactor: Readonly<Record<string, number>> = {
  West: 1.15,
  Central: 1,
  East: 1.05,
  EMEA: 0.85,
  APAC: 0.7,
};
const days = 1_095;

export function makeOpportunities(
  seed: string,
  accounts: readonly DemoAccount[],
  owners: readonly DemoOwner[],
  count: number,
): readonly DemoOpportunity[] {
  const random = createRandom(`${seed}/opportunities`);
  const weights = accounts.map((account) => [account, account.status === 'prospect' ? 1 : 2.4] as const);
  const showcase = accounts[0] as DemoAccount;
  return Array.from({ length: count }, (_, at) => {
    const account = at % 200 === 0 ? showcase : random.weighted(weights);
    return makeOpportunity(random, at + 1, account, owners);
  });
}

function makeOpportunity(
  random: Random,
  at: number,
  account: DemoAccount,
  owners: readonly DemoOwner[],
): DemoOpportunity {
  // Business grows: more deals were opened lately than three years ago.
  const createdDaysAgo = Math.floor(days * (1 - Math.sqrt(random.next() * 0.91 + 0.09)) * 1.42) % days;
  const type = typeAt(random, account, createdDaysAgo);
  const product = random.pick(products);
  const cycleDays = 5 + Math.round(segmentSizes[account.segment].cycleDays * random.skewed(0.55));
  const plannedDaysAgo = createdDaysAgo - cycleDays;
  // A deal that should be over, and that nobody has closed.
  const forgotten = plannedDaysAgo > 0 && plannedDaysAgo < 400 && random.chance(0.05);
  const idea = { random, at, account, type, product, createdDaysAgo, plannedDaysAgo };
  const fate = plannedDaysAgo < 0 || forgotten ? openFate(idea, forgotten) : closedFate(idea);
  const owner = random.chance(0.85) ? account.owner : random.pick(owners);
  return {
    id: idOf(at),
    account,
    productId: product.product_id,
    outcome: fate.outcome,
    createdDaysAgo,
    endedDaysAgo: Math.max(0, plannedDaysAgo),
    row: rowOf(idea, fate, owner),
  };
}

const idOf = (at: number) => `OPP-${String(at).padStart(5, '0')}`;

/** Customers renew and expand; before they were customers everything was new business. */
function typeAt(random: Random, account: DemoAccount, daysAgo: DaysAgo): DealType {
  const wasCustomer = account.status !== 'prospect' && daysAgo < account.sinceDaysAgo;
  if (!wasCustomer) return 'New Business';
  return random.weighted([
    ['Expansion', 5],
    ['Renewal', 4],
    ['New Business', 1],
  ] as const);
}

interface DealIdea {
  readonly random: Random;
  readonly at: number;
  readonly account: DemoAccount;
  readonly type: DealType;
  readonly product: (typeof products)[number];
  readonly createdDaysAgo: DaysAgo;
  readonly plannedDaysAgo: DaysAgo;
}

interface Fate {
  readonly outcome: DemoOpportunity['outcome'];
  readonly stage: string;
  readonly probability: number;
  readonly closeDaysAgo: DaysAgo | null;
  readonly lastActivityDaysAgo: DaysAgo | null;
  readonly nextStep: string | null;
  readonly lossReason: string | null;
  readonly missingAmount: number;
}

function openFate({ random, createdDaysAgo, plannedDaysAgo }: DealIdea, forgotten: boolean): Fate {
  const progress = forgotten
    ? 0.3 + 0.7 * random.next()
    : createdDaysAgo / Math.max(1, createdDaysAgo - plannedDaysAgo);
  const stageAt = Math.min(4, Math.max(0, Math.floor(progress * 5 + random.next() * 1.4 - 0.7)));
  const quietDays = forgotten ? random.between(45, 200) : Math.floor(random.next() ** 3 * 75);
  return {
    outcome: 'open',
    stage: openStages[stageAt] as string,
    probability: stageProbability[stageAt] as number,
    closeDaysAgo: random.chance(0.03) ? null : plannedDaysAgo,
    lastActivityDaysAgo: random.chance(0.05) ? null : Math.min(quietDays, createdDaysAgo),
    nextStep: random.chance(forgotten ? 0.7 : 0.35) ? null : random.pick(nextSteps),
    lossReason: null,
    missingAmount: [0.35, 0.2, 0.1, 0.03, 0.02][stageAt] as number,
  };
}

function closedFate(idea: DealIdea): Fate {
  const { random, plannedDaysAgo } = idea;
  const won = random.chance(chanceToWin(idea));
  return {
    outcome: won ? 'won' : 'lost',
    stage: won ? 'Closed Won' : 'Closed Lost',
    probability: won ? 100 : 0,
    closeDaysAgo: plannedDaysAgo,
    lastActivityDaysAgo: random.chance(0.05) ? null : plannedDaysAgo,
    nextStep: null,
    lossReason: won || random.chance(0.2) ? null : random.weighted(lossReasons),
    missingAmount: won ? 0.008 : 0.06,
  };
}

/** Nobody buys who never became a customer, nor after leaving. */
function chanceToWin({ account, type, plannedDaysAgo }: DealIdea): number {
  if (account.status === 'prospect') return 0;
  if (plannedDaysAgo > account.sinceDaysAgo) return 0;
  if (account.status === 'churned' && plannedDaysAgo < account.churnedDaysAgo) return 0;
  return winChance[type] * (regionFactor[account.region] ?? 1);
}

function amountOf({ random, account, type, product }: DealIdea): number {
  const factor = segmentSizes[account.segment].dealFactor * (type === 'Expansion' ? 0.5 : 1);
  return Math.max(500, Math.round((product.list_price * factor * random.skewed(0.45)) / 250) * 250);
}

function rowOf(idea: DealIdea, fate: Fate, owner: DemoOwner): DemoRow {
  const { random, account, type, product } = idea;
  const amount = amountOf(idea);
  return {
    opportunity_id: idOf(idea.at),
    name: `${account.name} – ${product.name}${type === 'New Business' ? '' : ` ${type}`}`,
    account_id: random.chance(0.01) ? null : account.id,
    owner_id: random.chance(0.01) ? null : owner.owner_id,
    product_id: random.chance(0.02) ? null : product.product_id,
    stage: fate.stage,
    amount: random.chance(fate.missingAmount) ? null : amount,
    probability: fate.probability,
    created_date: idea.createdDaysAgo,
    close_date: fate.closeDaysAgo,
    last_activity_date: fate.lastActivityDaysAgo,
    next_step: fate.nextStep,
    type,
    region: account.row.region ?? null,
    lead_source: random.chance(0.1) ? null : random.weighted(leadSources),
    loss_reason: fate.lossReason,
  };
}
