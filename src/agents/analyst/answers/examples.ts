import type { TableName } from '../../../tools/warehouse/canonical.ts';
import type { Vocabulary } from '../vocabulary.ts';
import { tokenize } from '../words/tokens.ts';

/** Questions that are understood, each with the tables that it needs; {account} and {region} are filled in from the data. */
export const examples: readonly (readonly [question: string, needs: readonly TableName[]])[] = [
  ['What is the deal status for {account}?', ['opportunities', 'accounts']],
  ['What deals are closing this quarter?', ['opportunities']],
  ['What are the top 5 deals closing this quarter?', ['opportunities']],
  ['Show me pipeline analysis for Q4', ['opportunities']],
  ['How many open opportunities do we have?', ['opportunities']],
  ['Pipeline by stage', ['opportunities']],
  ['Win rate by region last year', ['opportunities']],
  ['Average deal size by product this year', ['opportunities']],
  ['Who are the top owners by won amount in Q3?', ['opportunities']],
  ['Why do we lose deals?', ['opportunities']],
  ['Sales cycle by segment', ['opportunities', 'accounts']],
  ['Which open deals look stale?', ['opportunities']],
  ['Compare Q3 and Q4 won amount', ['opportunities']],
  ['Forecast for this quarter', ['opportunities']],
  ['Pipeline coverage', ['opportunities']],
  ['Deals over 100k closing next month', ['opportunities']],
  ['Biggest customers by won amount', ['opportunities', 'accounts']],
  ['Open deals in {region}', ['opportunities']],
  ['Won amount by month this year', ['opportunities']],
  ['Tell me about {account}', ['accounts']],
  ['Is {account} a good fit?', ['accounts', 'opportunities']],
  ['How is usage trending at {account}?', ['usage', 'accounts']],
  ['Which customers have falling usage?', ['usage']],
  ['Usage by product last month', ['usage']],
  ['Which accounts have no activity in 60 days?', ['accounts', 'calls']],
  ['What did we talk about with {account}?', ['calls', 'accounts']],
  ['Calls by owner last month', ['calls']],
  ['New leads this month by source', ['leads']],
  ['Lead conversion rate by source', ['leads']],
  ['What data do you have?', []],
];

const shown = 5;

/** The examples that the data can answer, those first that share most with the question (by groups of three letters). */
export function closestExamples(question: string, vocabulary: Vocabulary): readonly string[] {
  const asked = trigrams(question);
  const usable = examples.filter(([, needs]) => needs.every((name) => vocabulary.profile.rowCount(name) > 0));
  const scored = usable.map(([example]) => ({ example, score: overlap(asked, trigrams(example)) }));
  return scored
    .toSorted((left, right) => right.score - left.score)
    .slice(0, shown)
    .map(({ example }) => filledIn(example, vocabulary));
}

function trigrams(question: string): ReadonlySet<string> {
  const found = new Set<string>();
  for (const { stem } of tokenize(question).slice(0, 60)) {
    const padded = ` ${stem.slice(0, 40)} `;
    for (let at = 0; at + 3 <= padded.length; at++) found.add(padded.slice(at, at + 3));
  }
  return found;
}

/** The Dice coefficient. */
function overlap(left: ReadonlySet<string>, right: ReadonlySet<string>): number {
  let shared = 0;
  for (const each of right) if (left.has(each)) shared += 1;
  return (2 * shared) / Math.max(1, left.size + right.size);
}

function filledIn(example: string, vocabulary: Vocabulary): string {
  return example
    .replace('{account}', vocabulary.exampleAccount ?? 'an account')
    .replace('{region}', vocabulary.all('region')[0] ?? 'a region');
}
