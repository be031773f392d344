import type { AgentAnswer } from '../../agent.ts';
import type { AnalystQuery, Intent } from '../query.ts';
import { measureOf } from '../semantic-layer/measures.ts';
import { populations } from '../semantic-layer/populations.ts';

type Topic = NonNullable<AgentAnswer['topic']>;

const byIntent: Partial<Readonly<Record<Intent, Topic>>> = {
  deals: 'deal',
  deal_status: 'deal',
  pipeline_analysis: 'deal',
  forecast: 'deal',
  coverage: 'deal',
  stale: 'deal',
  loss_reasons: 'deal',
  leads: 'lead',
  fit: 'lead',
  help: 'general',
  read_only: 'general',
  not_understood: 'general',
  unknown_name: 'general',
  which_account: 'general',
};

/** Deals and pipeline are deal analysis, leads and fit lead analysis, usage, accounts, calls and ratios over all data analysis. */
export function topicOf({ intent, measures }: AnalystQuery): Topic {
  const own = byIntent[intent];
  if (own) return own;
  const population = measures[0] && populations[measureOf(measures[0]).population];
  if (population?.fact === 'leads') return 'lead';
  return population?.fact === 'opportunities' ? 'deal' : 'data';
}
