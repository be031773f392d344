import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eraseContent, mentions } from './erasure.ts';
import { eventTypes, type RecordedEvent } from './events.ts';

const response = {
  ...{ agent: 'analyst', response: '**Jane**', responsePlain: 'Jane', understood: true, answerTimeMs: 4 },
  toolCalls: [
    { tool: 'warehouse.query', input: { sql: "'Jane'" }, output: { rows: [['Jane']] }, durationMs: 2 },
  ],
  error: { code: 'agent_failed', message: 'Jane is away', recoverable: true },
};

test('what people, agents and receivers wrote goes, numbers and codes stay', () => {
  const erased = eraseContent('WEBHOOK_MANAGER_AGENT_RESPONSE', response);
  assert.deepEqual(erased, {
    ...{
      agent: 'analyst',
      response: null,
      responsePlain: null,
      understood: true,
      answerTimeMs: 4,
      toolCalls: [],
    },
    error: { code: 'agent_failed', message: '', recoverable: true },
  });
  assert.deepEqual(eraseContent('WEBHOOK_MANAGER_AGENT_RESPONSE', erased), erased);
  const completed = { status: 'failed', totalTimeMs: 3, problem: 'Jane' };
  assert.deepEqual(eraseContent('WEBHOOK_CONVERSATION_COMPLETED', completed), {
    status: 'failed',
    totalTimeMs: 3,
  });
  assert.deepEqual(eraseContent('NOTE', { text: 'Jane' }), {});
  for (const type of eventTypes) {
    const data = { query: 'Jane', response: 'Jane', extra: { who: 'Jane' }, reason: 'Jane', problem: 'Jane' };
    assert.ok(!JSON.stringify(eraseContent(type, data)).includes('Jane'), type);
  }
});

test('a subject is found in questions, answers, further fields and tool calls, in any case', () => {
  const event = (type: string, data: object) => ({ type, data }) as unknown as RecordedEvent;
  const received = (query: string, extra = {}) => event('WEBHOOK_REQUEST_RECEIVED', { query, extra });
  assert.ok(mentions(received('Ask jane@example.com'), 'Jane@Example.com'));
  assert.ok(mentions(received('', { a: [{ b: 'x Jane y' }] }), 'jane'));
  assert.ok(mentions(received('', { jane: 1 }), 'jane'));
  assert.ok(mentions(received('', { phone: 15550100 }), '15550100'));
  assert.ok(!mentions(received('', { phone: 15550100 }), '1555'));
  assert.ok(mentions(event('WEBHOOK_MANAGER_AGENT_RESPONSE', response), 'is away'));
  assert.ok(mentions(event('WEBHOOK_MANAGER_AGENT_RESPONSE', { ...response, error: null }), "'jane'"));
  assert.ok(!mentions(event('WEBHOOK_MANAGER_AGENT_RESPONSE', response), 'analyst'));
  assert.ok(!mentions(event('WEBHOOK_DELIVERY_FAILED', { reason: 'jane' }), 'jane'));
});
