import { errorCatalogue } from '../../core/errors.ts';
import { conversationStatuses, eventTypes, webhookTypes } from '../../record/events.ts';
import { systemEventTypes } from '../../record/system-events.ts';
import type { CloudWatchMetric, LabelDefinition, MetricDefinition } from './instruments.ts';

const seconds = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 900,
] as const;
const bytes = [256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576] as const;
const records = [0, 1, 10, 100, 1_000, 10_000, 100_000] as const;

const webhookType: LabelDefinition = { name: 'webhook_type', values: webhookTypes };
const code: LabelDefinition = { name: 'code', values: Object.keys(errorCatalogue) };
const outcome = (...values: string[]): LabelDefinition => ({ name: 'outcome', values });
const operation: readonly LabelDefinition[] = [
  { name: 'operation_type', atMost: 10 },
  { name: 'table_name', atMost: 50 },
];

const ofGateway = (name: string, unit: CloudWatchMetric['unit']): CloudWatchMetric => ({
  namespace: 'RevOps/WebhookGateway',
  name: `Webhook.${name}`,
  unit,
  scale: unit === 'Milliseconds' ? 1_000 : 1,
  dimensions: ['webhook_type'],
  hasTotal: true,
});

const ofWarehouse = (name: string, unit: CloudWatchMetric['unit']): CloudWatchMetric => ({
  namespace: 'RevOpsAI/Firebolt',
  name,
  unit,
  scale: unit === 'Milliseconds' ? 1_000 : 1,
  dimensions: ['OperationType', 'TableName'],
  hasTotal: false,
});

type Described = Omit<MetricDefinition, 'kind' | 'name' | 'about' | 'labels'> & {
  readonly labels?: readonly LabelDefinition[];
};

const define =
  (kind: MetricDefinition['kind']) =>
  (name: string, about: string, { labels = [], ...rest }: Described = {}): MetricDefinition => ({
    name,
    kind,
    about,
    labels,
    ...rest,
  });
const counter = define('counter');
const gauge = define('gauge');
const histogram = define('histogram');

const byType = { labels: [webhookType] };

/** Every metric that there is. */
export const metricCatalogue = {
  requestSize: histogram('webhook_request_size_bytes', 'The size of accepted requests.', {
    ...byType,
    buckets: bytes,
    cloudWatch: ofGateway('request_size', 'Bytes'),
  }),
  agentTime: histogram('webhook_agent_processing_time_seconds', 'The agent call that answered.', {
    ...byType,
    buckets: seconds,
    cloudWatch: ofGateway('agent_processing_time', 'Milliseconds'),
  }),
  responseSize: histogram('webhook_response_size_bytes', 'The size of answers, as markdown.', {
    ...byType,
    buckets: bytes,
    cloudWatch: ofGateway('response_size', 'Bytes'),
  }),
  deliveryTime: histogram(
    'webhook_delivery_response_time_seconds',
    'One attempt of a delivery, to the end of the response.',
    { ...byType, buckets: seconds, cloudWatch: ofGateway('delivery_response_time', 'Milliseconds') },
  ),
  totalTime: histogram(
    'webhook_total_conversation_time_seconds',
    'From the request to the end of its delivery.',
    { ...byType, buckets: seconds, cloudWatch: ofGateway('total_conversation_time', 'Milliseconds') },
  ),
  operationDuration: histogram('firebolt_operation_duration_seconds', 'Operations of the warehouse.', {
    labels: operation,
    buckets: seconds,
    cloudWatch: ofWarehouse('OperationDuration', 'Milliseconds'),
  }),
  recordCount: histogram('firebolt_record_count', 'Rows that operations of the warehouse gave back.', {
    labels: operation,
    buckets: records,
    cloudWatch: ofWarehouse('RecordCount', 'Count'),
  }),
  operationSuccess: counter(
    'firebolt_operation_success_total',
    'Operations of the warehouse that succeeded; CloudWatch gets 0 for each that did not.',
    { labels: operation, cloudWatch: ofWarehouse('OperationSuccess', 'Count') },
  ),
  accepted: counter(
    'signalbox_requests_accepted_total',
    'Questions that became runs; the first 50 source systems by name.',
    { labels: [{ name: 'source_system', atMost: 50 }, webhookType] },
  ),
  refused: counter(
    'signalbox_requests_refused_total',
    'Requests that were answered with an error, by its code.',
    {
      labels: [code],
    },
  ),
  verificationFailures: counter(
    'signalbox_webhook_verification_failures_total',
    'Webhooks of other systems whose signature did not hold.',
    { labels: [{ name: 'code', values: ['signature_invalid', 'timestamp_out_of_range'] }] },
  ),
  agentAnswers: counter(
    'signalbox_agent_answers_total',
    'Answers of agents, and questions that none answered.',
    {
      labels: [{ name: 'agent', atMost: 50 }, outcome('answered', 'not_understood', 'failed')],
    },
  ),
  agentRetries: counter(
    'signalbox_agent_retries_total',
    'Requests to an agent elsewhere that failed and were made again.',
    { labels: [{ name: 'agent', atMost: 50 }] },
  ),
  deliveryAttempts: counter('signalbox_delivery_attempts_total', 'Attempts of deliveries.', {
    labels: [webhookType, outcome('delivered', 'retried', 'used_up')],
  }),
  completed: counter('signalbox_conversations_completed_total', 'Conversations that came to their end.', {
    labels: [
      webhookType,
      { name: 'status', values: conversationStatuses },
      { name: 'delivery_status', values: ['delivered', 'failed', 'not_configured'] },
    ],
  }),
  spansDropped: counter('signalbox_spans_dropped_total', 'Spans that no collector took.', {
    labels: [{ name: 'reason', values: ['queue_full', 'not_taken', 'rejected'] }],
  }),
  recorded: counter('signalbox_events_recorded_total', 'Events of the record that this process wrote.', {
    labels: [{ name: 'event_type', values: [...eventTypes, ...systemEventTypes] }],
  }),
  queueDepth: gauge('signalbox_queue_depth', 'Runs that wait for their turn in this process.'),
  runsExecuting: gauge('signalbox_runs_executing', 'Runs whose code executes in this process now.'),
  runsResident: gauge(
    'signalbox_runs_resident',
    'Runs in the memory of this process, waiting ones included.',
  ),
  runs: gauge('signalbox_runs', 'Runs that have not ended, by state; of all processes.', {
    labels: [{ name: 'status', values: ['queued', 'running', 'waiting', 'paused'] }],
  }),
  conversations: gauge(
    'signalbox_conversations',
    'Conversations on the record, by status; of all processes.',
    {
      labels: [{ name: 'status', values: conversationStatuses }],
    },
  ),
  deliveriesWaiting: gauge(
    'signalbox_deliveries_waiting',
    'Conversations whose answer is not delivered yet; of all processes.',
  ),
  deadLetters: gauge(
    'signalbox_dead_letters',
    'Runs that failed for good and were not started anew, by flow; of all processes. Of the newest 10,000 (100 on Restate and Lambda).',
    { labels: [{ name: 'flow', atMost: 50 }] },
  ),
  oldestConversation: gauge(
    'signalbox_oldest_conversation_age_seconds',
    'How long ago the request came of the oldest conversation that waits: for its turn, its answer, its delivery; of all processes. 0 when none does.',
    { labels: [{ name: 'status', values: ['queued', 'processing', 'delivering'] }] },
  ),
  oldestRun: gauge(
    'signalbox_oldest_run_age_seconds',
    'How long ago the oldest run was started that has not ended, by flow; of all processes. 0 when there is none.',
    { labels: [{ name: 'flow', atMost: 50 }] },
  ),
  breakers: gauge(
    'signalbox_circuit_breakers_open',
    'Endpoints, and stores of objects, of which the circuit is not closed.',
    {
      labels: [{ name: 'state', values: ['open', 'half_open'] }],
    },
  ),
  endpointsDisabled: gauge(
    'signalbox_endpoints_disabled',
    'Endpoints that answered 410 Gone; of all processes.',
  ),
  alarmFiring: gauge('signalbox_alarm_firing', 'Whether an alarm fires; absent when nobody looks at it.', {
    labels: [{ name: 'alarm', atMost: 20 }],
  }),
  loopP50: gauge(
    'nodejs_eventloop_lag_p50_seconds',
    'The delay of the event loop in the last minute: median.',
  ),
  loopP99: gauge('nodejs_eventloop_lag_p99_seconds', 'The same: 99 of 100 are below.'),
  loopMax: gauge('nodejs_eventloop_lag_max_seconds', 'The same: the longest.'),
  residentMemory: gauge('process_resident_memory_bytes', 'Memory of the process.'),
  heapUsed: gauge('nodejs_heap_size_used_bytes', 'The heap of JavaScript: what is used.'),
  heapTotal: gauge('nodejs_heap_size_total_bytes', 'The heap of JavaScript: what is taken.'),
  externalMemory: gauge('nodejs_external_memory_bytes', 'Memory outside the heap that objects hold.'),
  cpu: counter('process_cpu_seconds_total', 'Processor time of the process.'),
  startTime: gauge('process_start_time_seconds', 'When the process started, in Unix time.'),
  build: gauge('signalbox_build_info', 'Always 1.', {
    labels: ['version', 'engine', 'role'].map((name) => ({ name, atMost: 1 })),
  }),
} as const satisfies Record<string, MetricDefinition>;

export type MetricKey = keyof typeof metricCatalogue;
