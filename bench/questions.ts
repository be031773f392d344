import { makeAccounts, makeOwners } from '../src/tools/warehouse/demo/accounts.ts';

/** Questions over the demo workspace, no two the same: about each account, and figures by dimension and time. */
export function distinctQuestions(): string[] {
  const accounts = makeAccounts('1', makeOwners('1')).map(({ name }) => name);
  const names = [...new Set(accounts)];
  const aboutAccounts = names.flatMap((name) =>
    ofAccount.map((template) => template.replace('{account}', name)),
  );
  const figures = measures.flatMap((measure) =>
    dimensions.flatMap((dimension) => periods.map((period) => `${measure} by ${dimension} ${period}`)),
  );
  return interleave(aboutAccounts, figures);
}

/** What people ask again and again. */
export const repeatedQuestions: readonly string[] = [
  'What is the deal status for IXIS?',
  'What deals are closing this quarter?',
  'Show me pipeline analysis for Q4',
  'What are the top 5 deals closing this quarter?',
  'Win rate by region last year',
  'Which open deals look stale?',
  'Pipeline by stage',
  'New leads this month by source',
];

const ofAccount = [
  'What is the deal status for {account}?',
  'How is usage trending at {account}?',
  'Is {account} a good fit?',
  'Tell me about {account}',
];
const measures = [
  'Pipeline',
  'Won amount',
  'Win rate',
  'Average deal',
  'Open deals',
  'Lost deals',
  'Sales cycle',
];
const dimensions = ['region', 'owner', 'product', 'segment', 'industry', 'stage', 'source', 'country'];
const periods = [
  'this quarter',
  'last quarter',
  'this year',
  'last year',
  'in Q1',
  'in Q2',
  'since March',
  'last 90 days',
];

function interleave(one: readonly string[], other: readonly string[]): string[] {
  const longer = Math.max(one.length, other.length);
  const pairs = Array.from({ length: longer }, (_, at) => [one[at], other[at]]);
  return pairs.flat().filter((question) => question !== undefined);
}
