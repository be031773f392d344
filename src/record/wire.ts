import type { Json, JsonObject } from '../core/json.ts';
import {
  type ConversationEvent,
  isConversationEvent,
  type RecordedEvent,
  type RecordedToolCall,
} from './events.ts';

/** The one place where camelCase of the code becomes snake_case of the wire. */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** Renames the keys of an object of ours, one level deep: what senders and tools wrote below stays as it is. */
export function snakeKeys(value: Readonly<Record<string, unknown>>): Record<string, Json> {
  const renamed: Record<string, Json> = {};
  for (const name of Object.keys(value)) renamed[wireNameOf(name)] = value[name] as Json;
  return renamed;
}

/** An event as log lines and the event stream show it. */
export function toWire(event: RecordedEvent): JsonObject {
  return isConversationEvent(event) ? conversationToWire(event) : systemToWire(event);
}

function systemToWire({ type, sequence, at, data }: Exclude<RecordedEvent, ConversationEvent>): JsonObject {
  return { event_type: type, sequence, ...snakeKeys({ ...data }), timestamp: new Date(at).toISOString() };
}

function conversationToWire(event: ConversationEvent): JsonObject {
  const { sourceSystem, sourceProcess, deliveryId, ...data } = event.data;
  const toolCalls = 'toolCalls' in data ? { tool_calls: data.toolCalls.map(toolCallToWire) } : undefined;
  return {
    event_type: event.type,
    tracking_id: event.trackingId,
    sequence: event.sequence,
    ...snakeKeys(data),
    // What the sender called the time of its request is not the time of the event.
    ...('timestamp' in data && { request_timestamp: data.timestamp }),
    timestamp: new Date(event.at).toISOString(),
    ...toolCalls,
    webhook_metadata: {
      source_system: sourceSystem,
      source_process: sourceProcess,
      delivery_id: deliveryId,
    },
  };
}

export function toolCallToWire(call: RecordedToolCall): JsonObject {
  const { tool, input, output, startedAt, durationMs } = call;
  const started = startedAt === undefined ? {} : { started_at: new Date(startedAt).toISOString() };
  return { tool, input, output, ...started, duration_ms: durationMs };
}

const wireNames = new Map<string, string>();

function wireNameOf(name: string): string {
  let wireName = wireNames.get(name);
  if (wireName === undefined) {
    wireName = snakeCase(name);
    wireNames.set(name, wireName);
  }
  return wireName;
}
