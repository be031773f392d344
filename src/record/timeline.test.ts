import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type RecordedEvent, toRecordedEvent } from './events.ts';
import { timelineOf } from './timeline.ts';

const at = 1_786_699_000_000;

function recorded(type: string, offsetMs: number, data: object): RecordedEvent {
  const base = {
    conversationId: 'c',
    deliveryId: 'd',
    sourceSystem: 'crm',
    sourceProcess: 'p',
    webhookType: 'general',
  };
  const fact = {
    id: `${type}/${offsetMs}`,
    at: at + offsetMs,
    type,
    subject: 't',
    data: { ...base, ...data },
  };
  return toRecordedEvent(fact, 1);
}

test('a timeline has questions, answers, tool calls, attempts, steps and waits, each with its start and duration', () => {
  const call = { tool: 'warehouse.query', input: { sql: 'SELECT 1' }, output: { rows: 1 } };
  const events = [
    recorded('WEBHOOK_REQUEST_RECEIVED', 0, { query: 'How many?' }),
    recorded('WEBHOOK_MANAGER_AGENT_RESPONSE', 120, {
      ...{ agent: 'analyst', agentTimeMs: 100, response: 'One.', error: null, attempts: 1, understood: true },
      toolCalls: [
        { ...call, durationMs: 30 },
        { ...call, durationMs: 40 },
      ],
    }),
    recorded('WEBHOOK_DELIVERY_FAILED', 200, {
      ...{
        attempt: 1,
        webhookUrl: 'https://r.example',
        responseTimeMs: 50,
        statusCode: null,
        reason: 'No answer',
      },
    }),
  ];
  const operations = [
    {
      position: 0,
      kind: 'run',
      name: 'attempt 1',
      status: 'succeeded',
      attempts: 1,
      startedAt: at + 149,
      endedAt: at + 201,
    },
    {
      position: 1,
      kind: 'sleep',
      name: 'backoff',
      status: 'pending',
      attempts: 0,
      startedAt: at + 201,
      dueAt: at + 2_201,
    },
  ] as const;
  const entries = timelineOf(events, [{ runId: 'r', flow: 'delivery', operations }]);
  assert.deepEqual(
    entries.map((entry) => [entry.kind, entry.name, entry.startedAt - at, entry.durationMs, entry.outcome]),
    [
      ['question', 'crm', 0, 0, 'done'],
      ['agent_message', 'analyst', 20, 100, 'done'],
      ['tool_call', 'warehouse.query', 20, 30, 'done'],
      ['tool_call', 'warehouse.query', 50, 40, 'done'],
      ['step', 'attempt 1', 149, 52, 'done'],
      ['delivery_attempt', 'attempt 1', 150, 50, 'failed'],
      ['wait', 'backoff', 201, null, 'going on'],
    ],
  );
  assert.deepEqual(entries[2]!.detail, { ...call, duration_ms: 30 });
  assert.equal(entries[6]!.detail.due_at, new Date(at + 2_201).toISOString());
});
