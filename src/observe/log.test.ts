import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRedactor } from '../core/redact.ts';
import { event, toRecordedEvent } from '../record/events.ts';
import { createLog, type LogOptions } from './log.ts';

function logged(options: Partial<LogOptions> = {}) {
  const lines: string[] = [];
  const log = createLog({
    level: 'info',
    format: 'json',
    write: (line) => void lines.push(line),
    ...options,
  });
  return { log, lines, last: () => JSON.parse(lines.at(-1)!) as Record<string, unknown> };
}

const about = {
  trackingId: 't',
  conversationId: 'c',
  sourceSystem: 'crm',
  webhookType: 'general',
  deliveryId: 'd',
};

test('what strangers wrote is redacted, in every kind of line, and lines stay JSON', () => {
  const { text: redact } = createRedactor({ kinds: ['secrets', 'email'], fields: [] });
  const { log, lines } = logged({ redact });
  const told = `no "anna@example.com" with Bearer ${'a1'.repeat(12)} and ghp_${'Ab1'.repeat(12)}`;
  const delivery = { webhookUrl: 'https://a.example/', attempt: 1, responseTimeMs: 2, statusCode: 500 };
  const failed = {
    ...about,
    ...delivery,
    sourceProcess: 'p',
    answered: true,
    reason: told,
    nextAttemptAt: null,
  };
  const fact = event('WEBHOOK_DELIVERY_FAILED', 't', { ...failed, webhookType: 'general' });
  log.recorded(toRecordedEvent({ ...fact, id: 'i', subject: 't', at: 1 }, 1));
  const answer = { agent: 'a', sessionId: 's', response: null, responsePlain: null, understood: false };
  const unanswered = event('WEBHOOK_MANAGER_AGENT_RESPONSE', 't', {
    ...{ ...about, webhookType: 'general', sourceProcess: 'p', ...answer, toolCalls: [], attempts: null },
    error: { code: 'agent_failed', message: told, recoverable: false },
    ...{ agentTimeMs: 1, executionTimeSeconds: 1, answerTimeMs: 1, responseSizeBytes: 0 },
  });
  log.recorded(toRecordedEvent({ ...unanswered, id: 'i', subject: 't', at: 1 }, 2));
  log.failed('Something failed', new Error(told));
  log.deliveryAttemptFailed({ ...about, ...delivery, reason: told, nextAttemptAt: null });
  log.warning(told);
  assert.equal(lines.length, 5);
  for (const line of lines) {
    assert.doesNotMatch(line, /anna|a1a1|Ab1/);
    assert.match(line, /no \\"\[redacted\]\\" with Bearer \[redacted\] and \[redacted\]/);
    JSON.parse(line);
  }
});

test('the lines that saved filters and queries match', () => {
  const { log, last } = logged();
  log.agentAttempt({ ...about, attempt: 2, agent: 'analyst', sessionId: 's' });
  assert.equal(last().message, 'Bedrock Agent attempt 2');
  assert.equal(last().level, 'INFO');
  const end = { status: 'delivered', deliveryStatus: 'delivered', attempts: 1, totalTimeMs: 12 } as const;
  const completed = event('WEBHOOK_CONVERSATION_COMPLETED', 't', {
    ...{ conversationId: 'c', deliveryId: 'd', sourceSystem: 'crm', sourceProcess: 'p' },
    ...{ webhookType: 'general', answered: true, ...end },
  });
  log.recorded(toRecordedEvent({ ...completed, id: 'run/1', subject: 't', at: 1 }, 1));
  assert.equal(last().message, 'Webhook processing completed successfully');
  assert.deepEqual(
    [last().tracking_id, last().conversation_id, last().delivery_status, last().total_time_ms],
    ['t', 'c', 'delivered', 12],
  );
  assert.deepEqual(last().webhook_metadata, { source_system: 'crm' });
  log.agentFailed({ ...about, failure: { code: 'agent_failed', message: 'no', recoverable: true } });
  assert.equal(last().level, 'ERROR');
  const delivery = { webhookUrl: 'https://u:p@a.example/x?token=secret', attempt: 4 };
  log.deliveryExhausted({ ...about, ...delivery, reason: 'r', code: 'delivery_exhausted' });
  assert.deepEqual([last().level, last().webhook_url], ['ERROR', 'https://a.example/x']);
});

test('events are lines with the fields of saved queries, and without content', () => {
  const { log, lines, last } = logged();
  const data = {
    conversationId: 'c',
    deliveryId: 'd',
    sourceSystem: 'crm',
    sourceProcess: 'p',
    webhookType: 'general' as const,
    query: 'a secret question',
    timestamp: '',
    queuedAt: '',
    estimatedProcessingTime: '',
    extra: { card: 'a secret number' },
    requestSizeBytes: 1,
  };
  const fact = event('WEBHOOK_REQUEST_RECEIVED', 't', data);
  log.recorded(toRecordedEvent({ ...fact, id: 'i', at: 0 }, 7));
  const { event_type, tracking_id, conversation_id, webhook_type, webhook_metadata } = last();
  assert.deepEqual(
    { event_type, tracking_id, conversation_id, webhook_type, webhook_metadata },
    {
      event_type: 'WEBHOOK_REQUEST_RECEIVED',
      tracking_id: 't',
      conversation_id: 'c',
      webhook_type: 'general',
      webhook_metadata: { source_system: 'crm', source_process: 'p', delivery_id: 'd' },
    },
  );
  assert.doesNotMatch(lines.join(), /secret/);
  assert.equal(last().timestamp, '1970-01-01T00:00:00.000Z');
  assert.equal(lines.at(-1)?.match(/"timestamp":/g)?.length, 1);
});

test('what is called a secret does not come out', () => {
  const { log, lines } = logged();
  log.failed('x', new Error('y'), { authorization: 'Bearer 123', headers: { cookie: '123', token: '123' } });
  assert.match(lines.join(), /\[redacted\]/);
  assert.doesNotMatch(lines.join(), /123/);
});

test('at a terminal lines are short, and hold no control characters of a sender', () => {
  const { log, lines } = logged({ format: 'readable' });
  log.failed('Something \u001b[31mred', new Error('a\nb'));
  assert.match(lines[0]!, /^\d\d:\d\d:\d\d ERROR Something {1,2}\[31mred error=a b\n$/);
  log.recorded({ type: 'WEBHOOK_OUTBOUND_QUEUED' } as never);
  assert.equal(lines.length, 1);
});

test('requests that fail because nothing can be written are a line once in a while, all others one each', () => {
  const { log, lines } = logged();
  const request = { method: 'POST', path: '/webhook', status: 503, error: new Error('disk is full') };
  for (let n = 0; n < 100; n++) log.requestFailed({ ...request, code: 'storage_failed' });
  assert.equal(lines.length, 1);
  for (let n = 0; n < 3; n++) log.requestFailed({ ...request, status: 500, code: 'internal_error' });
  assert.equal(lines.length, 4);
});
