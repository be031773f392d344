import type { TableName } from '../../../tools/warehouse/canonical.ts';

/** `table.column` of the canonical schema. */
export type ColumnPath = `${TableName}.${string}`;

/** A table whose rows are counted and summed. */
export type Fact = 'opportunities' | 'usage' | 'calls' | 'leads' | 'accounts';

/** Something to group and filter by. */
export interface Dimension {
  readonly name: string;
  readonly label: string;
  readonly description: string;
  /** Words that name it in a question, besides its label. */
  readonly words: readonly string[];
  /** Per fact, where its value is found: the first that is filled in. */
  readonly sources: Partial<Readonly<Record<Fact, readonly ColumnPath[]>>>;
}

const accountColumn = (column: string): Dimension['sources'] => {
  const path: ColumnPath = `accounts.${column}`;
  return { opportunities: [path], usage: [path], calls: [path], accounts: [path] };
};

export const dimensions = [
  {
    name: 'account',
    label: 'Account',
    description: 'the company',
    words: ['customer', 'company', 'client', 'logo'],
    sources: {
      opportunities: ['accounts.name', 'opportunities.account_id'],
      usage: ['accounts.name', 'usage.account_id'],
      calls: ['accounts.name', 'calls.account_id'],
      accounts: ['accounts.name', 'accounts.account_id'],
      leads: ['leads.company'],
    },
  },
  {
    name: 'owner',
    label: 'Owner',
    description: 'who works on it',
    words: [
      'rep',
      'sales rep',
      'seller',
      'salesperson',
      'ae',
      'account executive',
      'sales agent',
      'agent',
      'people',
    ],
    sources: {
      opportunities: ['owners.name', 'opportunities.owner_id'],
      usage: ['owners.name', 'accounts.owner_id'],
      calls: ['owners.name', 'calls.owner_id'],
      leads: ['owners.name', 'leads.owner_id'],
      accounts: ['owners.name', 'accounts.owner_id'],
    },
  },
  {
    name: 'manager',
    label: 'Manager',
    description: 'whom the owner reports to',
    words: ['team', 'sales manager'],
    sources: {
      opportunities: ['owners.manager'],
      usage: ['owners.manager'],
      calls: ['owners.manager'],
      leads: ['owners.manager'],
      accounts: ['owners.manager'],
    },
  },
  {
    name: 'region',
    label: 'Region',
    description: 'the sales region of the deal, else of its account, else of its owner',
    words: ['territory', 'geo', 'geography', 'area', 'regional', 'regional office', 'sales office'],
    sources: {
      opportunities: ['opportunities.region', 'accounts.region', 'owners.region'],
      usage: ['accounts.region', 'owners.region'],
      calls: ['accounts.region', 'owners.region'],
      leads: ['leads.region', 'owners.region'],
      accounts: ['accounts.region', 'owners.region'],
    },
  },
  {
    name: 'country',
    label: 'Country',
    description: 'where the account is',
    words: ['location'],
    sources: accountColumn('country'),
  },
  {
    name: 'industry',
    label: 'Industry',
    description: 'what the account does',
    words: ['sector', 'vertical'],
    sources: { ...accountColumn('industry'), leads: ['leads.industry'] },
  },
  {
    name: 'segment',
    label: 'Segment',
    description: 'the size class of the account',
    words: ['tier', 'size class'],
    sources: accountColumn('segment'),
  },
  {
    name: 'product',
    label: 'Product',
    description: 'what is sold or used',
    words: ['sku', 'item'],
    sources: {
      opportunities: ['products.name', 'opportunities.product_id'],
      usage: ['products.name', 'usage.product_id'],
    },
  },
  {
    name: 'family',
    label: 'Product family',
    description: 'the line that the product belongs to',
    words: ['family', 'product line', 'series', 'product series', 'category', 'product category'],
    sources: { opportunities: ['products.family'], usage: ['products.family'] },
  },
  {
    name: 'stage',
    label: 'Stage',
    description: 'where the deal stands',
    words: ['deal stage', 'sales stage', 'step'],
    sources: { opportunities: ['opportunities.stage'] },
  },
  {
    name: 'type',
    label: 'Type',
    description: 'new business, expansion or renewal',
    words: ['deal type', 'kind'],
    sources: { opportunities: ['opportunities.type'] },
  },
  {
    name: 'source',
    label: 'Source',
    description: 'where the deal or the lead came from',
    words: ['lead source', 'channel', 'campaign', 'origin'],
    sources: { opportunities: ['opportunities.lead_source'], leads: ['leads.source'] },
  },
  {
    name: 'loss_reason',
    label: 'Loss reason',
    description: 'why the deal was lost',
    words: ['lost reason', 'reason', 'reason lost'],
    sources: { opportunities: ['opportunities.loss_reason'] },
  },
  {
    name: 'lead_status',
    label: 'Status',
    description: 'how far the lead is',
    words: ['lead status'],
    sources: { leads: ['leads.status'] },
  },
  {
    name: 'account_status',
    label: 'Status',
    description: 'customer, prospect or churned',
    words: ['account status', 'customer status'],
    sources: accountColumn('status'),
  },
  {
    name: 'sentiment',
    label: 'Sentiment',
    description: 'the mood of the call',
    words: ['mood', 'tone'],
    sources: { calls: ['calls.sentiment'] },
  },
] as const satisfies readonly Dimension[];

export type DimensionName = (typeof dimensions)[number]['name'];

const byName = new Map<string, Dimension>(dimensions.map((dimension) => [dimension.name, dimension]));

export function dimensionOf(name: DimensionName): Dimension {
  return byName.get(name) as Dimension;
}

/** Grouping by time uses the date column of the measure. */
export type Grain = 'week' | 'month' | 'quarter' | 'year';
export const grains: readonly Grain[] = ['week', 'month', 'quarter', 'year'];
