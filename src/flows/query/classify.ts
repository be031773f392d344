import type { AgentAnswer } from '../../agents/agent.ts';
import type { WebhookType } from '../../record/events.ts';

/** Words that speak for a type; a phrase counts once. In the order in which a draw is decided. */
const signs: readonly (readonly [WebhookType, RegExp])[] = [
  [
    'lead_analysis',
    /\b(leads?|prospects?|prospecting|icp|good fit|right fit|fit for us|outreach|qualif(?:y|ied|ication)|mqls?|sqls?)\b/gi,
  ],
  [
    'deal_analysis',
    /\b(deals?|opportunit(?:y|ies)|pipeline|forecasts?|clos(?:e|es|ing) (?:date|this|next)|closing|closed?|win rate|won|lost|stages?|stale|renewals?|negotiation|quota|meddp?icc?)\b/gi,
  ],
  [
    'data_analysis',
    /\b(usage|consumption|trend(?:s|ing)?|adoption|active users|credits|data|metrics?|report|revenue|churn(?:ed|ing)?|average|how many|how much|total|growth|compare|anomal(?:y|ies)|accounts? by|top \d+)\b/gi,
  ],
];

/** A first guess from the words of the question, made at the door. */
export function guessType(query: string): WebhookType {
  let best: WebhookType = 'general';
  let most = 0;
  for (const [type, pattern] of signs) {
    const found = new Set((query.match(pattern) ?? []).map((word) => word.toLowerCase())).size;
    if (found > most) [best, most] = [type, found];
  }
  return best;
}

const topics = {
  deal: 'deal_analysis',
  data: 'data_analysis',
  lead: 'lead_analysis',
  general: 'general',
} as const;

/** The type once there is an answer: what the agent says it is about; else the question; else the words of the answer. */
export function decideType(query: string, answer: Pick<AgentAnswer, 'topic' | 'plain'>): WebhookType {
  if (answer.topic !== undefined) return topics[answer.topic];
  const fromQuery = guessType(query);
  return fromQuery === 'general' ? guessType(answer.plain.slice(0, 2_000)) : fromQuery;
}
