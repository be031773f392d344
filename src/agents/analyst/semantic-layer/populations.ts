import type { ColumnPath, Fact } from './dimensions.ts';

/** Which deals: decided from the stage (stages.ts). */
export type DealStatus = 'open' | 'won' | 'lost' | 'closed';

/** The rows that a measure is taken over, and the date that a period is about. */
export interface Population {
  readonly fact: Fact;
  readonly status?: DealStatus;
  readonly date: ColumnPath;
  /** What a period means: "that close", "created". */
  readonly dateMeaning: string;
  /** One row, and several. */
  readonly noun: readonly [string, string];
}

const deals = (
  status: DealStatus | undefined,
  date: string,
  dateMeaning: string,
  noun: string,
): Population => ({
  fact: 'opportunities',
  ...(status && { status }),
  date: `opportunities.${date}`,
  dateMeaning,
  noun: [noun, `${noun}s`],
});

export const populations = {
  open: deals('open', 'close_date', 'by expected close date', 'open deal'),
  won: deals('won', 'close_date', 'by close date', 'won deal'),
  lost: deals('lost', 'close_date', 'by close date', 'lost deal'),
  closed: deals('closed', 'close_date', 'by close date', 'closed deal'),
  created: deals(undefined, 'created_date', 'by creation date', 'deal'),
  all: deals(undefined, 'close_date', 'by close date', 'deal'),
  usage: {
    fact: 'usage',
    date: 'usage.usage_date',
    dateMeaning: 'by day of use',
    noun: ['usage record', 'usage records'],
  },
  calls: { fact: 'calls', date: 'calls.call_date', dateMeaning: 'by call date', noun: ['call', 'calls'] },
  leads: {
    fact: 'leads',
    date: 'leads.created_date',
    dateMeaning: 'by creation date',
    noun: ['lead', 'leads'],
  },
  accounts: {
    fact: 'accounts',
    date: 'accounts.customer_since',
    dateMeaning: 'by first day as a customer',
    noun: ['account', 'accounts'],
  },
} as const satisfies Readonly<Record<string, Population>>;

export type PopulationName = keyof typeof populations;
