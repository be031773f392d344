import { type FieldError, SignalboxError } from '../core/errors.ts';
import type { Json, JsonObject } from '../core/json.ts';
import { parseWebhookJson } from '../core/strict-json.ts';
import { parseTimestamp } from '../core/timestamp.ts';
import type { InboundRequest } from './scheme.ts';

/**
 * CloudEvents 1.0 as HTTP brings them, in the form that the JSON format gives them
 * (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md, bindings/http-protocol-binding.md,
 * formats/json-format.md). Extension attributes stand beside the others.
 */
export interface CloudEvent extends JsonObject {
  readonly specversion: '1.0';
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject?: string;
  /** RFC 3339. */
  readonly time?: string;
  readonly datacontenttype?: string;
  readonly dataschema?: string;
  readonly data?: Json;
  /** Base64 of data that is no text. */
  readonly data_base64?: string;
}

type Mode = 'binary' | 'structured' | 'batch';

/** More start too much at once for one answer. */
export const batchLimit = 1_000;

/** How a request carries events; undefined for one that says nothing of CloudEvents. */
export function cloudEventMode({ headers }: InboundRequest): Mode | undefined {
  const type = mediaType(headers['content-type']);
  if (type.startsWith('application/cloudevents-batch')) return 'batch';
  if (type.startsWith('application/cloudevents')) return 'structured';
  return headers['ce-specversion'] === undefined ? undefined : 'binary';
}

const mediaType = (header: string | undefined) => (header ?? '').split(';', 1)[0]!.trim().toLowerCase();

/**
 * The events of a request. Throws `unsupported_media_type` for a format other than JSON, `malformed_request`, and
 * `invalid_request` with every fault of every event: a batch is taken as a whole or not at all.
 */
export function readCloudEvents(request: InboundRequest): readonly CloudEvent[] {
  const mode = cloudEventMode(request);
  if (mode === undefined) throw noCloudEvent();
  if (mode === 'binary') return valid([fromHeaders(request)], false);
  const type = mediaType(request.headers['content-type']);
  const expected = mode === 'batch' ? 'application/cloudevents-batch+json' : 'application/cloudevents+json';
  if (type !== expected) {
    const message = `The events are in ${JSON.stringify(type.slice(0, 80))}; ${expected} is read.`;
    throw new SignalboxError('unsupported_media_type', message);
  }
  const body = parseWebhookJson(request.body);
  if (mode === 'structured') return valid([body], false);
  if (!Array.isArray(body)) throw invalid([{ path: '/', message: 'must be an array of events' }]);
  if (body.length > batchLimit) {
    throw invalid([
      { path: '/', message: `has ${body.length} events; at most ${batchLimit} are taken at once` },
    ]);
  }
  return valid(body, true);
}

const noCloudEvent = () =>
  new SignalboxError(
    'unsupported_media_type',
    'This is no CloudEvent: send application/cloudevents+json, application/cloudevents-batch+json, or the header fields ce-id, ce-source, ce-type and ce-specversion with the data as the body.',
  );

/** Binary mode: attributes are header fields, the body is the data (HTTP binding, section 3.1). */
function fromHeaders({ headers, body }: InboundRequest): JsonObject {
  const event: Record<string, Json> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith('ce-') && value !== undefined) event[name.slice(3)] = fromHeaderValue(value);
  }
  const contentType = headers['content-type'];
  if (contentType !== undefined) event.datacontenttype = contentType;
  if (body.length === 0) return event;
  const type = mediaType(contentType);
  if (type === '' || /^(application|text)\/([\w.+-]+\+)?json$/.test(type))
    event.data = parseWebhookJson(body);
  else if (type.startsWith('text/') || type.endsWith('xml')) event.data = body.toString();
  else event.data_base64 = body.toString('base64');
  return event;
}

/** A quoted text loses its quotes; `%xx` are bytes of UTF-8 (HTTP binding, section 3.1.3.2). */
function fromHeaderValue(value: string): string {
  const quoted = /^"(.*)"$/s.exec(value)?.[1];
  const text = quoted === undefined ? value : quoted.replace(/\\(.)/gs, '$1');
  const bytes = /((?:%[0-9a-f]{2})+)/i;
  return text
    .split(bytes)
    .map((part) => (bytes.test(part) ? Buffer.from(part.replaceAll('%', ''), 'hex').toString() : part))
    .join('');
}

function valid(candidates: readonly Json[], isBatch: boolean): readonly CloudEvent[] {
  const events = candidates.map(withoutNull);
  const faults = events.flatMap((event, index) =>
    faultsOf(event).map(({ path, message }) => ({ path: isBatch ? `/${index}${path}` : path, message })),
  );
  if (faults.length > 0) throw invalid(faults);
  return events as unknown as readonly CloudEvent[];
}

const mostFaults = 50;

function invalid(fields: readonly FieldError[]): SignalboxError {
  const list = fields
    .slice(0, mostFaults)
    .map(({ path, message }) => `${path} ${message}`)
    .join('; ');
  return new SignalboxError('invalid_request', `This is no CloudEvent of version 1.0: ${list}.`, {
    fields: fields.slice(0, mostFaults),
  });
}

/** An attribute that is null is not there (JSON format, section 2.2); data may be null. */
function withoutNull(event: Json): Json {
  if (typeof event !== 'object' || event === null || Array.isArray(event)) return event;
  return Object.fromEntries(
    Object.entries(event).filter(([name, value]) => value !== null || name === 'data'),
  ) as JsonObject;
}

const uriReference = /^[^\s<>"{}|\\^`\p{Cc}]+$/u;
const absoluteUri = /^[a-z][a-z0-9+.-]*:[^\s<>"{}|\\^`\p{Cc}]+$/iu;
const contentType = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+\s*(;.*)?$/;
const rfc3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)$/;

const attributes: Readonly<Record<string, readonly [holds: (text: string) => boolean, expected: string]>> = {
  specversion: [(text) => text === '1.0', 'must be "1.0"'],
  id: [(text) => text.length <= 1_000, 'must be a text of 1 to 1000 characters'],
  source: [(text) => uriReference.test(text), 'must be a URI reference'],
  type: [(text) => text.length <= 1_000, 'must be a text of 1 to 1000 characters'],
  subject: [() => true, 'must be a text that is not empty'],
  time: [
    (text) => rfc3339.test(text) && parseTimestamp(text.replace(' ', 'T')) !== undefined,
    'must be a time as RFC 3339 has it',
  ],
  datacontenttype: [(text) => contentType.test(text), 'must be a media type'],
  dataschema: [(text) => absoluteUri.test(text), 'must be a URI'],
  data_base64: [(text) => /^[A-Za-z0-9+/]*={0,2}$/.test(text), 'must be base64'],
};
const required = ['specversion', 'id', 'source', 'type'];

function faultsOf(event: Json): FieldError[] {
  if (typeof event !== 'object' || event === null || Array.isArray(event)) {
    return [{ path: '/', message: 'must be a JSON object' }];
  }
  const faults = required
    .filter((name) => !Object.hasOwn(event, name))
    .map((name) => ({ path: `/${name}`, message: 'is missing' }));
  for (const [name, value] of Object.entries(event as JsonObject)) {
    const message = faultOf(name, value);
    if (message !== undefined) faults.push({ path: `/${name.slice(0, 80)}`, message });
  }
  if (Object.hasOwn(event, 'data') && Object.hasOwn(event, 'data_base64')) {
    faults.push({ path: '/data_base64', message: 'is there beside data; one of the two is expected' });
  }
  return faults;
}

function faultOf(name: string, value: Json | undefined): string | undefined {
  if (name === 'data') return undefined;
  const rule = Object.hasOwn(attributes, name) ? attributes[name] : undefined;
  if (rule !== undefined) {
    const [holds, expected] = rule;
    const isEmpty = value === '' && name !== 'data_base64';
    return typeof value === 'string' && !isEmpty && holds(value) ? undefined : expected;
  }
  if (!/^[a-z0-9]{1,64}$/.test(name)) return 'is no name of an attribute: lower-case letters and digits are';
  if (typeof value === 'string' || typeof value === 'boolean' || isInteger32(value)) return undefined;
  return 'must be a text, a boolean or a whole number of 32 bits';
}

const isInteger32 = (value: Json | undefined) => typeof value === 'number' && (value | 0) === value;

/** The same for two events exactly when they are the same event (`source` and `id`, section 3.1.1). */
export const identityOf = ({ source, id }: { readonly source: string; readonly id: string }): string =>
  JSON.stringify([source, id]);
