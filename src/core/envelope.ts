import type { JsonObject } from './json.ts';

/** What agents hand each other, in snake_case as on the wire. */
export interface EnvelopeMetadata {
  readonly request_id: string;
  readonly flow_id: string;
  readonly source_agent: string;
  readonly target_agent: string;
  readonly message_id: string;
  /** ISO-8601. */
  readonly timestamp: string;
  readonly idempotency_key: string;
  readonly correlation_id: string;
  readonly version: string;
}

export interface Envelope {
  readonly metadata: EnvelopeMetadata;
  readonly payload: JsonObject;
}

/** What failed, and what whoever asked may do about it. */
export interface EnvelopeError {
  readonly code: string;
  readonly message: string;
  readonly details: JsonObject;
  readonly recovery_action: string;
  readonly retry_strategy: {
    readonly max_attempts: number;
    readonly backoff_rate: number;
    readonly initial_delay_seconds: number;
  };
  readonly severity: 'warning' | 'error';
  readonly diagnostic_info: {
    readonly trace_id: string;
    readonly service: string;
    readonly operation: string;
    readonly timestamp: string;
  };
}

export const envelopeVersion = '1.0';
export const metadataNames = [
  ...['request_id', 'flow_id', 'source_agent', 'target_agent', 'message_id', 'timestamp'],
  ...['idempotency_key', 'correlation_id', 'version'],
] as const satisfies readonly string[];
