import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assemble } from '../../record/assemble.ts';
import { type ConversationSummary, project } from '../../record/conversation.ts';
import { toRecordedEvent } from '../../record/events.ts';
import { aLife } from '../../store/contract/life.ts';
import type { Conversation } from '../../store/store.ts';
import { conversationPage } from './conversation.ts';

function aConversation(): Conversation {
  const events = aLife().facts.map((fact, at) => toRecordedEvent(fact, at + 1));
  const summary = events.reduce<ConversationSummary | undefined>(project, undefined)!;
  return assemble(summary, events);
}

const nothing = { entries: [], moreRuns: false, isFirst: true };
const shown = (of: Partial<Conversation>) => conversationPage({ ...aConversation(), ...of }, nothing, 1e13);

test('what was erased is said to be, and nothing is waited for', () => {
  const erased = shown({ query: '', queryStart: '', answer: null, erasedAt: 1e12 });
  assert.match(erased, /<title>Erased /);
  assert.match(erased, /<h1>Erased<\/h1>/);
  assert.match(erased, /Question and answer were erased/);
  assert.doesNotMatch(erased, /refreshes|kept here/);
});

test('a question that was ended without an answer is not said to be worked on', () => {
  const ended = { answer: null, error: null, complete: true, status: 'failed' } as const;
  assert.match(shown({ ...ended, problem: 'terminated: stuck' }), /No answer<\/h2><p>terminated: stuck/);
  assert.match(
    shown({ ...ended, complete: false, status: 'processing' }),
    /working on it. This page refreshes/,
  );
});
