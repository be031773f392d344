import type { ColumnPath } from './dimensions.ts';
import type { PopulationName } from './populations.ts';

export type MeasureUnit = 'money' | 'count' | 'percent' | 'days' | 'units' | 'minutes';

export interface Measure {
  readonly name: string;
  readonly label: string;
  readonly description: string;
  readonly unit: MeasureUnit;
  readonly population: PopulationName;
  /** Aggregates over the rows of the population; {won}, {probability} and {converted} are filled in for the data (compile.ts). */
  readonly sql: string;
  /** Columns without which it cannot be computed. */
  readonly needs: readonly ColumnPath[];
  readonly words: readonly string[];
  /** Shown beside it, from the same rows. */
  readonly companions: readonly string[];
}

type Rest = Omit<Measure, 'name' | 'label' | 'unit' | 'population' | 'sql' | 'needs' | 'companions'> &
  Partial<Pick<Measure, 'needs' | 'companions'>>;

const measure = <Name extends string>(
  name: Name,
  label: string,
  unit: MeasureUnit,
  population: PopulationName,
  sql: string,
  rest: Rest,
): Measure & { readonly name: Name } => ({
  name,
  label,
  unit,
  population,
  sql,
  needs: [],
  companions: [],
  ...rest,
});

const amount: readonly ColumnPath[] = ['opportunities.amount'];
const cycle = 'opportunities.close_date - opportunities.created_date';

export const measures = [
  measure('pipeline', 'Pipeline', 'money', 'open', 'sum(opportunities.amount)', {
    description: 'sum of the amounts of open deals',
    words: ['open pipeline', 'pipeline value', 'pipeline amount', 'open amount', 'funnel', 'total pipeline'],
    needs: amount,
    companions: ['open_deals', 'weighted_pipeline'],
  }),
  measure('open_deals', 'Open deals', 'count', 'open', 'count(*)', {
    description: 'number of deals that are neither won nor lost',
    words: ['open opportunity', 'open opp', 'active deal', 'deal in pipeline', 'pipeline count'],
    companions: ['pipeline'],
  }),
  measure(
    'weighted_pipeline',
    'Weighted pipeline',
    'money',
    'open',
    'sum(opportunities.amount * {probability})',
    {
      description: 'sum of amount times probability over open deals that have both',
      words: ['weighted', 'expected value', 'weighted amount'],
      needs: ['opportunities.amount', 'opportunities.probability'],
      companions: ['pipeline', 'open_deals'],
    },
  ),
  measure('average_open_deal', 'Average open deal', 'money', 'open', 'avg(opportunities.amount)', {
    description: 'mean amount of open deals that have one',
    words: ['average open deal size', 'average pipeline deal'],
    needs: amount,
    companions: ['open_deals'],
  }),
  measure('won_amount', 'Won amount', 'money', 'won', 'sum(opportunities.amount)', {
    description: 'sum of the amounts of won deals',
    words: [
      'won revenue',
      'revenue',
      'booking',
      'sale',
      'closed won amount',
      'won value',
      'turnover',
      'money won',
      'total won',
      'closed won',
    ],
    needs: amount,
    companions: ['won_deals'],
  }),
  measure('won_deals', 'Won deals', 'count', 'won', 'count(*)', {
    description: 'number of won deals',
    words: ['win', 'deal won', 'closed won deal', 'number of win', 'new logo'],
    companions: ['won_amount'],
  }),
  measure('average_deal', 'Average deal', 'money', 'won', 'avg(opportunities.amount)', {
    description: 'mean amount of won deals that have one',
    words: [
      'average deal size',
      'deal size',
      'average won deal',
      'average contract value',
      'acv',
      'asp',
      'mean deal size',
      'typical deal size',
      'average amount',
      'average selling price',
      'average deal value',
      'deal value',
    ],
    needs: amount,
    companions: ['won_deals', 'won_amount'],
  }),
  measure('largest_deal', 'Largest deal', 'money', 'won', 'max(opportunities.amount)', {
    description: 'largest amount of a won deal',
    words: ['largest won deal', 'biggest won deal', 'record deal'],
    needs: amount,
    companions: ['won_deals'],
  }),
  measure('cycle_days', 'Sales cycle', 'days', 'won', `avg(${cycle})`, {
    description: 'mean number of days from creation to close of won deals',
    words: [
      'cycle',
      'sale cycle',
      'average sale cycle',
      'average cycle',
      'cycle time',
      'cycle length',
      'time to close',
      'day to close',
      'velocity',
      'sale cycle length',
      'how long does it take to close',
      'how long to close',
      'deal cycle',
    ],
    needs: ['opportunities.close_date', 'opportunities.created_date'],
    companions: ['median_cycle_days', 'won_deals'],
  }),
  measure(
    'median_cycle_days',
    'Median cycle',
    'days',
    'won',
    `percentile_cont(0.5) WITHIN GROUP (ORDER BY ${cycle})`,
    {
      description: 'median number of days from creation to close of won deals',
      words: ['median sale cycle', 'median cycle time'],
      needs: ['opportunities.close_date', 'opportunities.created_date'],
      companions: ['cycle_days', 'won_deals'],
    },
  ),
  measure('lost_amount', 'Lost amount', 'money', 'lost', 'sum(opportunities.amount)', {
    description: 'sum of the amounts of lost deals that have one',
    words: ['lost revenue', 'lost value', 'closed lost amount', 'total lost'],
    needs: amount,
    companions: ['lost_deals'],
  }),
  measure('lost_deals', 'Lost deals', 'count', 'lost', 'count(*)', {
    description: 'number of lost deals',
    words: ['loss', 'deal lost', 'closed lost', 'closed lost deal'],
    companions: ['lost_amount'],
  }),
  measure('win_rate', 'Win rate', 'percent', 'closed', '100.0 * sum({won}) / count(*)', {
    description: 'won deals as a share of closed deals (won and lost), by number',
    words: [
      'winrate',
      'win ratio',
      'close rate',
      'closing rate',
      'success rate',
      'win percentage',
      'hit rate',
      'win loss',
      'win/loss',
      'conversion of deal',
      'win loss ratio',
      'deal conversion rate',
      'win loss rate',
    ],
    companions: ['closed_won', 'closed_deals'],
  }),
  measure('closed_won', 'Won', 'count', 'closed', 'sum({won})', {
    description: 'number of won deals among the closed ones',
    words: [],
    companions: ['closed_deals'],
  }),
  measure('closed_deals', 'Closed deals', 'count', 'closed', 'count(*)', {
    description: 'number of deals that are won or lost',
    words: ['deal closed', 'closed opportunity'],
    companions: ['closed_won', 'win_rate'],
  }),
  measure('deal_count', 'Deals', 'count', 'all', 'count(*)', {
    description: 'number of deals of any stage',
    words: ['deal count', 'number of deal', 'total deal', 'all deal'],
    companions: [],
  }),
  measure('new_deals', 'New deals', 'count', 'created', 'count(*)', {
    description: 'number of deals created, whatever became of them',
    words: [
      'deal created',
      'created deal',
      'new opportunity',
      'created opportunity',
      'opened deal',
      'deal opened',
    ],
    companions: ['created_amount'],
  }),
  measure('created_amount', 'Pipeline created', 'money', 'created', 'sum(opportunities.amount)', {
    description: 'sum of the amounts of deals created, whatever became of them',
    words: ['created pipeline', 'new pipeline', 'pipeline generated', 'pipeline generation', 'pipegen'],
    needs: amount,
    companions: ['new_deals'],
  }),
  measure('usage_units', 'Usage', 'units', 'usage', 'sum(usage.units)', {
    description: 'units used',
    words: ['usage', 'unit', 'consumption', 'credit', 'usage unit', 'product usage', 'adoption'],
    needs: ['usage.units'],
    companions: ['active_accounts'],
  }),
  measure('active_accounts', 'Active accounts', 'count', 'usage', 'count(DISTINCT usage.account_id)', {
    description: 'number of accounts with any usage',
    words: ['active customer', 'account with usage'],
    companions: ['usage_units'],
  }),
  measure(
    'active_users',
    'Active users',
    'units',
    'usage',
    '1.0 * sum(usage.active_users) / nullif(count(DISTINCT usage.usage_date), 0)',
    {
      description: 'active users on an average day',
      words: ['dau', 'daily active user', 'daily user', 'user'],
      needs: ['usage.active_users'],
      companions: ['usage_units'],
    },
  ),
  measure('calls', 'Calls', 'count', 'calls', 'count(*)', {
    description: 'number of calls',
    words: ['call', 'meeting', 'conversation', 'activity', 'number of call', 'call count'],
    companions: ['call_minutes'],
  }),
  measure('call_minutes', 'Minutes', 'minutes', 'calls', 'sum(calls.duration_minutes)', {
    description: 'minutes of calls',
    words: [
      'call minute',
      'call time',
      'talk time',
      'minute of call',
      'call duration',
      'average call duration',
    ],
    needs: ['calls.duration_minutes'],
    companions: ['calls'],
  }),
  measure('leads', 'Leads', 'count', 'leads', 'count(*)', {
    description: 'number of leads',
    words: ['lead', 'new lead', 'lead count', 'mql', 'number of lead', 'inbound lead'],
    companions: ['converted_leads', 'lead_conversion'],
  }),
  measure('converted_leads', 'Converted', 'count', 'leads', 'sum({converted})', {
    description: 'number of leads whose status says converted',
    words: ['converted lead', 'lead converted'],
    needs: ['leads.status'],
    companions: ['leads', 'lead_conversion'],
  }),
  measure('lead_conversion', 'Conversion', 'percent', 'leads', '100.0 * sum({converted}) / count(*)', {
    description: 'converted leads as a share of all leads created',
    words: [
      'lead conversion',
      'lead conversion rate',
      'conversion rate',
      'conversion',
      'lead to deal conversion',
      'conversion of lead',
    ],
    needs: ['leads.status'],
    companions: ['converted_leads', 'leads'],
  }),
  measure('accounts', 'Accounts', 'count', 'accounts', 'count(*)', {
    description: 'number of accounts',
    words: ['account count', 'number of account', 'company count'],
    companions: [],
  }),
] as const satisfies readonly Measure[];

export type MeasureName = (typeof measures)[number]['name'];

const byName = new Map<string, Measure>(measures.map((each) => [each.name, each]));

export function measureOf(name: MeasureName): Measure {
  return byName.get(name) as Measure;
}

export function companionsOf(each: Measure): readonly Measure[] {
  return each.companions.map((name) => byName.get(name) as Measure);
}
