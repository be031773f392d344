import type { DemoRow } from './accounts.ts';
import type { DemoOpportunity } from './opportunities.ts';
import { createRandom, type Random } from './random.ts';
import { firstNames, jobTitles, products } from './vocabulary.ts';

type Sentiment = 'positive' | 'neutral' | 'negative';

const subjects: Readonly<Record<DemoOpportunity['outcome'], readonly string[]>> = {
  won: ['Kick-off', 'Pricing', 'Final questions', 'Demo', 'Contract review'],
  lost: ['Pricing', 'Demo', 'Follow-up', 'Status', 'Technical questions'],
  open: ['Discovery', 'Demo', 'Follow-up', 'Technical questions', 'Pricing', 'Status'],
};

const openings = [
  'Spoke with {person}, {title}.',
  '{person} ({title}) joined with two people from the team.',
  'Short call with {person}.',
  'Met {person} together with their {title}.',
  '{person} had asked for this call.',
] as const;

const middles: Readonly<Record<Sentiment, readonly string[]>> = {
  positive: [
    'They like {product} and compare it favourably with what they have now.',
    'The pilot went better than they expected: the manual report is gone.',
    'Budget for {product} is approved for this quarter.',
    'They want to roll it out to a second team.',
    'Their security review had no findings.',
  ],
  neutral: [
    'They are still comparing three vendors and will decide next month.',
    'Went through the questions about data retention; answers sent in writing.',
    'They asked for a reference in their industry.',
    'Showed {product} on their own data; two of the imports need cleaning first.',
    'Procurement wants a three-year price as well.',
  ],
  negative: [
    'They find {product} too expensive for what they would use of it.',
    'Budget is frozen until the next fiscal year.',
    'Our contact is leaving the company; nobody has taken over yet.',
    'They were unhappy with the response time of support last week.',
    'A competitor offered to match all features at 20 % less.',
    'Usage has dropped since the reorganisation; they ask whether they still need it.',
  ],
};

const closings = [
  'Next step: send a summary and agree on a date.',
  'We will come back with a revised offer.',
  'Follow-up in two weeks.',
  'They will talk to their lawyers.',
  'No next step agreed.',
  '',
] as const;

export function makeCalls(
  seed: string,
  opportunities: readonly DemoOpportunity[],
  count: number,
): readonly DemoRow[] {
  const random = createRandom(`${seed}/calls`);
  const showcase = opportunities.filter((opportunity) => opportunity.account === opportunities[0]?.account);
  return Array.from({ length: count }, (_, at) => {
    const opportunity = random.pick(at % 100 === 0 ? showcase : opportunities);
    return makeCall(random, at + 1, opportunity);
  });
}

function makeCall(random: Random, at: number, opportunity: DemoOpportunity): DemoRow {
  const sentiment = sentimentOf(random, opportunity.outcome);
  const { createdDaysAgo, endedDaysAgo } = opportunity;
  return {
    call_id: `CALL-${String(at).padStart(5, '0')}`,
    account_id: opportunity.account.id,
    opportunity_id: random.chance(0.08) ? null : opportunity.id,
    owner_id: opportunity.account.owner.owner_id,
    call_date: random.between(Math.min(endedDaysAgo, createdDaysAgo), createdDaysAgo),
    duration_minutes: random.chance(0.03) ? null : random.pick([10, 15, 20, 25, 30, 30, 45, 60]),
    subject: random.pick(subjects[opportunity.outcome]),
    notes: random.chance(0.04) ? null : notesOf(random, sentiment, opportunity.productId),
    sentiment: random.chance(0.1) ? null : sentiment,
  };
}

function sentimentOf(random: Random, outcome: DemoOpportunity['outcome']): Sentiment {
  const [positive, neutral, negative] = { won: [5, 4, 1], lost: [1, 4, 5], open: [3, 5, 2] }[
    outcome
  ] as number[];
  return random.weighted([
    ['positive', positive as number],
    ['neutral', neutral as number],
    ['negative', negative as number],
  ] as const);
}

function notesOf(random: Random, sentiment: Sentiment, productId: string): string {
  const product = products.find((candidate) => candidate.product_id === productId)?.name ?? 'the product';
  const second = random.chance(0.4) ? random.pick(middles.neutral) : '';
  return [random.pick(openings), random.pick(middles[sentiment]), second, random.pick(closings)]
    .filter((sentence) => sentence !== '')
    .join(' ')
    .replaceAll('{product}', product)
    .replaceAll('{person}', random.pick(firstNames))
    .replaceAll('{title}', random.pick(jobTitles));
}
