import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decideType, guessType } from './classify.ts';

const questions = [
  ['What is the deal status for IXIS?', 'deal_analysis'],
  ['What deals are closing this quarter?', 'deal_analysis'],
  ['Show me pipeline analysis for Q4', 'deal_analysis'],
  ['What are the top 5 deals closing this quarter?', 'deal_analysis'],
  ['win rate by region last year', 'deal_analysis'],
  ['which open deals look stale?', 'deal_analysis'],
  ['how is usage trending at Initech?', 'data_analysis'],
  ['HOW MANY accounts churned?', 'data_analysis'],
  ['is Hooli a good fit?', 'lead_analysis'],
  ['which leads should we call first?', 'lead_analysis'],
  ['hello', 'general'],
  ['', 'general'],
  ['misleading idealism about databases', 'general'],
] as const;

for (const [question, type] of questions) {
  test(`guesses ${type} from ${JSON.stringify(question)}`, () => assert.equal(guessType(question), type));
}

test('the agent knows better than the words of the question', () => {
  assert.equal(decideType('deals?', { topic: 'lead', plain: '' }), 'lead_analysis');
  assert.equal(decideType('deals?', { topic: 'general', plain: 'usage' }), 'general');
});

test('without a topic the question decides, and then the answer', () => {
  assert.equal(decideType('deals?', { plain: 'usage usage' }), 'deal_analysis');
  assert.equal(decideType('and Initech?', { plain: 'Usage is growing.' }), 'data_analysis');
  assert.equal(decideType('hello', { plain: 'Hello.' }), 'general');
});

test('a hostile question takes no time', () => {
  const startedAt = performance.now();
  guessType('qualif '.repeat(1_400) + 'closing '.repeat(1_000));
  assert.ok(performance.now() - startedAt < 100);
});
