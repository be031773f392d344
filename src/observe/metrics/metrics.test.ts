import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readExposition } from '../../../test/fixtures/exposition.ts';
import { type EventData, event, type RecordedEvent, toRecordedEvent } from '../../record/events.ts';
import { systemEventTypes } from '../../record/system-events.ts';
import { metricCatalogue } from './catalogue.ts';
import { Instrument, type MetricDefinition } from './instruments.ts';
import { Metrics } from './metrics.ts';
import { Gauges } from './readings.ts';

const about = {
  conversationId: 'c',
  deliveryId: 'd',
  sourceSystem: 'crm',
  sourceProcess: 'p',
  webhookType: 'deal_analysis',
} as const;
const delivery = {
  ...about,
  answered: true,
  attempt: 1,
  webhookUrl: 'https://a.example/',
  responseTimeMs: 40,
};

function recorded<T extends keyof EventData>(type: T, data: EventData[T]): RecordedEvent {
  return toRecordedEvent({ ...event(type, 't', data), id: 'r/1/1/0', at: 1_000 }, 1);
}

const received = (sourceSystem: string) =>
  recorded('WEBHOOK_REQUEST_RECEIVED', {
    ...{ ...about, sourceSystem, query: 'q', timestamp: '', queuedAt: '', estimatedProcessingTime: '' },
    ...{ extra: {}, requestSizeBytes: 300 },
  });

const answered = recorded('WEBHOOK_MANAGER_AGENT_RESPONSE', {
  ...{ ...about, agent: 'analyst', sessionId: 's', response: 'r', responsePlain: 'r', understood: true },
  ...{ toolCalls: [], error: null, attempts: 1, agentTimeMs: 1_500, executionTimeSeconds: 1.5 },
  ...{ answerTimeMs: 1_600, responseSizeBytes: 20 },
});

/** Every sample by name and labels; throws for a line that is none. */
function samples(text: string): Record<string, number> {
  const found: Record<string, number> = {};
  for (const line of text.trimEnd().split('\n')) {
    if (line.startsWith('# ')) continue;
    const match = /^([a-z_:][\w:]*(?:\{(?:\w+="(?:[^"\\\n]|\\[\\"n])*",?)*\})?) (-?[\d.e+-]+)$/.exec(line);
    assert.ok(match, `not a sample: ${line}`);
    assert.ok(!(match[1]! in found), `twice: ${line}`);
    found[match[1]!] = Number(match[2]);
  }
  return found;
}

test('the life of a conversation in the text format of Prometheus', () => {
  const metrics = new Metrics();
  metrics.recorded(received('crm'));
  metrics.recorded(answered);
  const failed = { ...delivery, statusCode: 500, reason: 'no', nextAttemptAt: '2026-01-01T00:00:00.000Z' };
  metrics.recorded(recorded('WEBHOOK_DELIVERY_FAILED', failed));
  metrics.recorded(recorded('WEBHOOK_DELIVERY_SUCCESS', { ...delivery, statusCode: 200 }));
  const end = {
    ...about,
    answered: true,
    status: 'delivered',
    deliveryStatus: 'delivered',
    attempts: 2,
  } as const;
  metrics.recorded(recorded('WEBHOOK_CONVERSATION_COMPLETED', { ...end, totalTimeMs: 2_000 }));
  metrics.refused('rate_limited');
  metrics.refused('signature_invalid');
  const found = samples(metrics.text([]));
  const expected = {
    'signalbox_requests_accepted_total{source_system="crm",webhook_type="deal_analysis"}': 1,
    'webhook_request_size_bytes_bucket{webhook_type="deal_analysis",le="256"}': 0,
    'webhook_request_size_bytes_bucket{webhook_type="deal_analysis",le="1024"}': 1,
    'webhook_request_size_bytes_bucket{webhook_type="deal_analysis",le="+Inf"}': 1,
    'webhook_request_size_bytes_sum{webhook_type="deal_analysis"}': 300,
    'webhook_agent_processing_time_seconds_sum{webhook_type="deal_analysis"}': 1.5,
    'webhook_delivery_response_time_seconds_count{webhook_type="deal_analysis"}': 2,
    'webhook_total_conversation_time_seconds_sum{webhook_type="deal_analysis"}': 2,
    'signalbox_agent_answers_total{agent="analyst",outcome="answered"}': 1,
    'signalbox_delivery_attempts_total{webhook_type="deal_analysis",outcome="retried"}': 1,
    'signalbox_delivery_attempts_total{webhook_type="deal_analysis",outcome="delivered"}': 1,
    'signalbox_conversations_completed_total{webhook_type="deal_analysis",status="delivered",delivery_status="delivered"}': 1,
    'signalbox_requests_refused_total{code="rate_limited"}': 1,
    'signalbox_webhook_verification_failures_total{code="signature_invalid"}': 1,
    'signalbox_events_recorded_total{event_type="WEBHOOK_REQUEST_RECEIVED"}': 1,
  };
  for (const [name, value] of Object.entries(expected)) assert.equal(found[name], value, name);
});

test('events of no conversation are counted by their names as well', () => {
  const metrics = new Metrics();
  for (const type of systemEventTypes) metrics.recorded({ ...received('crm'), type } as RecordedEvent);
  const found = samples(metrics.text([]));
  for (const type of systemEventTypes) {
    assert.equal(found[`signalbox_events_recorded_total{event_type="${type}"}`], 1, type);
  }
});

test('a million names of a sender take the room of fifty', () => {
  const metrics = new Metrics();
  for (let n = 0; n < 1_000_000; n++) metrics.recorded(received(`system ${n}`));
  const found = Object.entries(samples(metrics.text([])));
  const accepted = found.filter(([name]) => name.startsWith('signalbox_requests_accepted_total'));
  assert.equal(accepted.length, 51);
  const other = accepted.find(([name]) => name.includes('source_system="other"'));
  assert.equal(other?.[1], 1_000_000 - 50);
  assert.ok(found.length < 200);
});

test('every label of every metric has a bound', () => {
  for (const definition of Object.values<MetricDefinition>(metricCatalogue)) {
    let largest = 1;
    for (const { values = [], atMost = 0 } of definition.labels)
      largest *= Math.max(values.length, atMost) + 1;
    assert.ok(largest <= 1_000, `${definition.name} may have ${largest} series`);
    const instrument = new Instrument(definition);
    for (let n = 0; n < 3_000; n++)
      instrument.add(
        1,
        definition.labels.map((_, index) => `${index}-${n}`),
      );
    assert.ok(instrument.seriesCount <= largest);
  }
});

test('what senders call themselves cannot break the format', () => {
  const metrics = new Metrics();
  metrics.recorded(received('a"b\\c\nd} 7'));
  const found = samples(metrics.text([]));
  assert.equal(
    found[
      'signalbox_requests_accepted_total{source_system="a\\"b\\\\c\\nd} 7",webhook_type="deal_analysis"}'
    ],
    1,
  );
});

test('documents of the embedded metric format, each with the metrics that it names', () => {
  const documents: Record<string, unknown>[] = [];
  const metrics = new Metrics({ writeEmbedded: (document) => documents.push(document), clock: () => 7 });
  metrics.recorded(received('crm'));
  metrics.recorded(answered);
  metrics.operated({
    operationType: 'query',
    tableName: 'accounts',
    durationMs: 12.5,
    recordCount: 3,
    succeeded: true,
  });
  metrics.operated({
    operationType: 'query',
    tableName: 'accounts',
    durationMs: 1,
    recordCount: 0,
    succeeded: false,
  });
  assert.deepEqual(documents[0], {
    _aws: {
      Timestamp: 1_000,
      CloudWatchMetrics: [
        {
          Namespace: 'RevOps/WebhookGateway',
          Dimensions: [[], ['webhook_type']],
          Metrics: [{ Name: 'Webhook.request_size', Unit: 'Bytes' }],
        },
      ],
    },
    event_type: 'WEBHOOK_REQUEST_RECEIVED',
    tracking_id: 't',
    conversation_id: 'c',
    webhook_metadata: { source_system: 'crm' },
    webhook_type: 'deal_analysis',
    'Webhook.request_size': 300,
  });
  assert.equal(documents[1]?.['Webhook.agent_processing_time'], 1_500);
  assert.equal(documents[1]?.['Webhook.response_size'], 20);
  const { OperationType, TableName, OperationDuration, RecordCount, OperationSuccess } = documents[2]!;
  assert.deepEqual(
    [OperationType, TableName, OperationDuration, RecordCount, OperationSuccess],
    ['query', 'accounts', 12.5, 3, 1],
  );
  assert.deepEqual([documents[3]?.OperationSuccess, 'RecordCount' in documents[3]!], [0, false]);
});

test('a gauge that cannot be read is left out, one that hangs as well, and the others are there', async () => {
  const gauges = new Gauges({
    stats: () => ({ queued: 1, running: 2, resident: 3 }),
    versions: () => new Promise(() => {}),
    deadLetters: async () => [],
    counts: async () => {
      throw new Error('no database');
    },
    oldest: async () => undefined,
    openCircuits: () => [{ state: 'half_open' }],
    disabledEndpoints: async () => [],
    build: { version: '1', engine: 'embedded', role: 'all' },
  });
  const metrics = new Metrics();
  const found = samples(metrics.text(await gauges.read()));
  gauges.close();
  assert.equal(found.signalbox_queue_depth, 1);
  assert.equal(found['signalbox_circuit_breakers_open{state="half_open"}'], 1);
  assert.ok(found.process_resident_memory_bytes! > 1e6);
  assert.ok(!Object.keys(found).some((name) => name.startsWith('signalbox_runs{')));
  assert.ok(!Object.keys(found).some((name) => name.startsWith('signalbox_conversations{')));
});

test('what waits longest, and what failed for good, have gauges that are 0 when there is nothing', async () => {
  const now = Date.now();
  const none = { stats: () => ({ queued: 0, running: 0, resident: 0 }), counts: async () => ({}) };
  const gauges = new Gauges({
    ...none,
    versions: async () => [
      { flow: 'delivery', statuses: { waiting: 2 }, oldestStartedAt: now - 3_600_000 },
      { flow: 'delivery', statuses: { waiting: 1 }, oldestStartedAt: now - 7_200_000 },
      { flow: 'query', statuses: {} },
    ],
    deadLetters: async () => [
      { flow: 'delivery', count: 3 },
      { flow: 'gone', count: 1 },
    ],
    // The clock of another process is ahead.
    oldest: async (status) =>
      ({ delivering: { at: now - 60_000 }, processing: { at: now + 5_000 }, queued: undefined })[status],
    openCircuits: () => [],
    disabledEndpoints: async () => [],
    build: { version: '1', engine: 'embedded', role: 'all' },
  });
  const found = samples(new Metrics().text(await gauges.read()));
  gauges.close();
  const shown = (name: string) =>
    Object.fromEntries(
      Object.entries(found)
        .filter(([key]) => key.startsWith(`${name}{`))
        .map(([key, value]) => [key.slice(name.length), Math.round(value)]),
    );
  assert.deepEqual(shown('signalbox_dead_letters'), {
    '{flow="delivery"}': 3,
    '{flow="query"}': 0,
    '{flow="gone"}': 1,
  });
  assert.deepEqual(shown('signalbox_oldest_conversation_age_seconds'), {
    '{status="queued"}': 0,
    '{status="processing"}': 0,
    '{status="delivering"}': 60,
  });
  assert.deepEqual(shown('signalbox_oldest_run_age_seconds'), {
    '{flow="delivery"}': 7_200,
    '{flow="query"}': 0,
  });
});

test('the reference lists every metric as it is', () => {
  const text = readFileSync(join(import.meta.dirname, '../../../docs/reference/observability.md'), 'utf8');
  const documented = [...text.matchAll(/^\| `([a-z][\w]*)` \| (\w+) \| (.*) \| (.*) \| (.*) \|$/gm)].map(
    ([, name, kind, labels, cloudWatch, about]) => ({ name, kind, labels, cloudWatch, about }),
  );
  const defined = Object.values<MetricDefinition>(metricCatalogue).map((definition) => ({
    name: definition.name,
    kind: definition.kind,
    labels: definition.labels.map(({ name }) => `\`${name}\``).join(', ') || '–',
    cloudWatch: definition.cloudWatch ? `\`${definition.cloudWatch.name}\`` : '–',
    about: definition.about,
  }));
  assert.deepEqual(documented, defined);
});

test('what strangers call themselves leaves the exposition as it must be', () => {
  const metrics = new Metrics();
  const hostile = [
    'a"b',
    'a\\',
    'a\nb 1',
    '{x="y"} 5',
    '# TYPE x counter',
    '',
    'é\u0000\r',
    '\ud83d'.repeat(200),
  ];
  for (const name of hostile) metrics.count('accepted', 1, [name, 'general']);
  for (let n = 0; n < 1_000; n++) metrics.count('accepted', 1, [`system ${n}`, `type ${n}`]);
  const family = readExposition(metrics.text([])).get('signalbox_requests_accepted_total')!;
  assert.ok(family.samples.length <= 51 * 5);
  const total = family.samples.reduce((sum, { value }) => sum + value, 0);
  assert.equal(total, 1_000 + hostile.length, 'every one is counted');
  for (const name of hostile.slice(0, 6)) {
    assert.ok(
      family.samples.some(({ labels }) => labels.source_system === name),
      JSON.stringify(name),
    );
  }
});
