import type { Json, JsonObject } from '../core/json.ts';
import { parseWebhookJson } from '../core/strict-json.ts';
import { readSenderTrace, type SenderTrace } from '../core/trace-context.ts';
import { type CloudEvent, identityOf } from './cloud-event.ts';
import type { InboundEvent } from './scheme.ts';
import { looksLikeTrigger } from './trigger.ts';

/** What an envelope of AWS holds: a trigger, or an event. */
export type Enveloped = {
  readonly channel: Channel;
  /** The same when AWS brings it again. */
  readonly id: string;
  readonly trace?: SenderTrace | undefined;
} & (
  | {
      readonly trigger: JsonObject;
      /** What it is where triggers are nothing of their own: at the address of a source. */
      readonly asEvent: InboundEvent;
      readonly event?: undefined;
    }
  | { readonly event: InboundEvent; readonly trigger?: undefined; readonly asEvent?: undefined }
);

export type Channel = 'eventbridge' | 'sqs' | 'sns';

/** A queue that is subscribed to a topic that a rule writes to. */
const deepest = 4;

/**
 * What EventBridge, SQS and SNS put around what was sent, as functions, HTTPS endpoints and pollers of queues see it; undefined for what
 * is none of it. Envelopes in envelopes are opened. A trigger without an `execution_id` gets one of the id that AWS gave it, so that a
 * second delivery starts nothing.
 */
export function openEnvelope(value: Json, depth = 0): readonly Enveloped[] | undefined {
  if (!isObject(value) || depth === deepest) return undefined;
  if (Array.isArray(value.Records)) return openRecords(value.Records as readonly Json[], depth);
  if (isEventBridge(value)) return [openEventBridge(value)];
  if (value.Type === 'Notification' && isText(value.TopicArn)) return openNotification(value, depth);
  if (isText(value.MessageId) && isText(value.Body)) {
    return openMessage({ channel: 'sqs', id: value.MessageId, text: value.Body }, depth);
  }
  return undefined;
}

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: Json | undefined): value is string => typeof value === 'string' && value !== '';

/** https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html, https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html */
function openRecords(records: readonly Json[], depth: number): readonly Enveloped[] | undefined {
  const opened = records.map((record) => {
    if (!isObject(record)) return undefined;
    if (record.EventSource === 'aws:sns' && isObject(record.Sns)) return openNotification(record.Sns, depth);
    const { eventSource, messageId, body, eventSourceARN: arn } = record;
    if (eventSource !== 'aws:sqs' || !isText(messageId) || typeof body !== 'string') return undefined;
    const message = { channel: 'sqs', id: messageId, text: body, trace: traceOf(record) } as const;
    return openMessage({ ...message, ...(isText(arn) && { arn }) }, depth);
  });
  return records.length > 0 && opened.every((one) => one !== undefined) ? opened.flat() : undefined;
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html#sqs-message-system-attributes */
function traceOf({ attributes }: JsonObject): SenderTrace | undefined {
  const header = isObject(attributes) ? attributes.AWSTraceHeader : undefined;
  return isText(header) ? readSenderTrace({ 'x-amzn-trace-id': header }) : undefined;
}

interface EventBridgeEvent extends JsonObject {
  readonly id: string;
  readonly source: string;
  readonly 'detail-type': string;
  readonly detail: Json;
}

/** https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html */
function isEventBridge(value: JsonObject): value is EventBridgeEvent {
  return (
    isText(value.id) && isText(value.source) && isText(value['detail-type']) && value.detail !== undefined
  );
}

function openEventBridge(event: EventBridgeEvent): Enveloped {
  const { id, source, detail } = event;
  const about = { channel: 'eventbridge', id } as const;
  const asEvent = {
    deliveryId: identityOf({ source, id }),
    eventType: event['detail-type'],
    eventSource: source,
    payload: event,
  };
  return isObject(detail) && looksLikeTrigger(detail)
    ? { ...about, trigger: triggerOf(about, detail), asEvent }
    : { ...about, event: asEvent };
}

/** https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html */
function openNotification(notification: JsonObject, depth: number): readonly Enveloped[] | undefined {
  const { MessageId: id, Message: text, TopicArn: arn, Subject: subject } = notification;
  if (!isText(id) || typeof text !== 'string') return undefined;
  const about = { ...(isText(arn) && { arn }), ...(isText(subject) && { subject }) };
  return openMessage({ channel: 'sns', id, text, ...about }, depth);
}

interface Message {
  readonly channel: 'sqs' | 'sns';
  readonly id: string;
  readonly text: string;
  readonly arn?: string;
  readonly subject?: string;
  readonly trace?: SenderTrace | undefined;
}

/** The types that the CloudEvents adapter for SNS gives, and one like it. */
const messageTypes = { sns: 'com.amazonaws.sns.notification', sqs: 'com.amazonaws.sqs.message' } as const;

function openMessage(message: Message, depth: number): readonly Enveloped[] {
  const { channel, id, text, arn, subject, trace } = message;
  const content = parsed(text);
  const inner = content === undefined ? undefined : openEnvelope(content, depth + 1);
  if (inner !== undefined) return inner;
  const about = { channel, id, ...(trace && { trace }) } as const;
  if (isObject(content) && !looksLikeTrigger(content) && isCloudEvent(content)) {
    return [{ ...about, event: { ...(trace && { trace }), ...eventOf(content) } }];
  }
  const payload = isObject(content)
    ? content
    : { message: content ?? text, ...(subject !== undefined && { subject }) };
  const eventType = messageTypes[channel];
  const own = { deliveryId: id, eventType, payload };
  const asEvent = { ...own, ...(arn && { eventSource: arn }), ...(trace && { trace }) };
  return isObject(content) && looksLikeTrigger(content)
    ? [{ ...about, trigger: triggerOf(about, content), asEvent }]
    : [{ ...about, event: asEvent }];
}

function triggerOf({ channel, id }: Pick<Enveloped, 'channel' | 'id'>, trigger: JsonObject): JsonObject {
  const given = trigger.execution_id;
  return given === undefined || given === null ? { ...trigger, execution_id: `${channel}:${id}` } : trigger;
}

function parsed(text: string): Json | undefined {
  try {
    return parseWebhookJson(Buffer.from(text));
  } catch {
    return undefined;
  }
}

const isCloudEvent = (value: JsonObject): value is CloudEvent =>
  value.specversion === '1.0' && isText(value.id) && isText(value.source) && isText(value.type);

/** What a body says by itself that it brings, whatever its header fields say: events in an envelope of AWS, or CloudEvents. */
export function eventsWithin(payload: Json | undefined): readonly InboundEvent[] | undefined {
  if (payload === undefined) return undefined;
  const enveloped = openEnvelope(payload)?.map(({ event, asEvent }) => event ?? asEvent);
  if (enveloped?.length) return enveloped;
  const candidates = Array.isArray(payload) ? (payload as readonly Json[]) : [payload];
  const events = candidates.filter((one) => isObject(one)).filter(isCloudEvent);
  return events.length > 0 && events.length === candidates.length ? events.map(eventOf) : undefined;
}

/** The same of bytes; undefined for what is no JSON. */
export const eventsWithinText = (body: Buffer) => eventsWithin(parsed(body.toString()));

/**
 * A CloudEvent as the event that it is, with the trace that it came of:
 * https://github.com/cloudevents/spec/blob/main/cloudevents/extensions/distributed-tracing.md
 */
export function eventOf(event: CloudEvent): InboundEvent {
  const text = (value: Json | undefined) => (isText(value) ? value : undefined);
  const { traceparent, tracestate } = event;
  const trace = readSenderTrace({ traceparent: text(traceparent), tracestate: text(tracestate) });
  return {
    deliveryId: identityOf(event),
    eventType: event.type,
    eventSource: event.source,
    ...(trace && { trace }),
    payload: event,
  };
}
