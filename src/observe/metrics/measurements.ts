import { type ConversationEvent, isConversationEvent, type RecordedEvent } from '../../record/events.ts';
import type { MetricKey } from './catalogue.ts';

/** Something that was counted or measured, in the unit of Prometheus. */
export interface Measurement {
  readonly metric: MetricKey;
  readonly value: number;
  readonly labels: readonly string[];
}

/** What is measured of the work of a warehouse. */
export interface WarehouseOperation {
  readonly operationType: string;
  readonly tableName: string;
  readonly durationMs: number;
  /** Rows that came back. */
  readonly recordCount: number;
  readonly succeeded: boolean;
}

const of = (metric: MetricKey, value: number, ...labels: string[]): Measurement => ({
  metric,
  value,
  labels,
});

/** What an event of the record says that can be counted or measured. */
export function measurementsOf(event: RecordedEvent): Measurement[] {
  const measured = isConversationEvent(event) ? measuredBy(event) : [];
  return [of('recorded', 1, event.type), ...measured];
}

function measuredBy(event: ConversationEvent): Measurement[] {
  const { webhookType } = event.data;
  switch (event.type) {
    case 'WEBHOOK_REQUEST_RECEIVED':
      return [
        of('accepted', 1, event.data.sourceSystem, webhookType),
        of('requestSize', event.data.requestSizeBytes, webhookType),
      ];
    case 'WEBHOOK_MANAGER_AGENT_RESPONSE':
      return answered(event.data);
    case 'WEBHOOK_DELIVERY_SUCCESS':
      return [
        of('deliveryAttempts', 1, webhookType, 'delivered'),
        of('deliveryTime', event.data.responseTimeMs / 1_000, webhookType),
      ];
    case 'WEBHOOK_DELIVERY_FAILED':
      return [
        of('deliveryAttempts', 1, webhookType, event.data.nextAttemptAt === null ? 'used_up' : 'retried'),
        of('deliveryTime', event.data.responseTimeMs / 1_000, webhookType),
      ];
    case 'WEBHOOK_CONVERSATION_COMPLETED':
      return [
        of('completed', 1, webhookType, event.data.status, event.data.deliveryStatus),
        of('totalTime', event.data.totalTimeMs / 1_000, webhookType),
      ];
    default:
      return [];
  }
}

type Answer = Extract<RecordedEvent, { type: 'WEBHOOK_MANAGER_AGENT_RESPONSE' }>['data'];

function answered({ agent, webhookType, response, understood, agentTimeMs, responseSizeBytes }: Answer) {
  if (response === null) return [of('agentAnswers', 1, agent, 'failed')];
  return [
    of('agentAnswers', 1, agent, understood ? 'answered' : 'not_understood'),
    of('agentTime', agentTimeMs / 1_000, webhookType),
    of('responseSize', responseSizeBytes, webhookType),
  ];
}

/** What an operation of the warehouse says. */
export function measurementsOfWarehouse(operation: WarehouseOperation): Measurement[] {
  const labels = [operation.operationType, operation.tableName];
  return [
    of('operationDuration', operation.durationMs / 1_000, ...labels),
    ...(operation.succeeded ? [of('recordCount', operation.recordCount, ...labels)] : []),
    of('operationSuccess', operation.succeeded ? 1 : 0, ...labels),
  ];
}
