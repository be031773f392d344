import { SignalboxError } from '../core/errors.ts';
import type { Json } from '../core/json.ts';
import { parseWebhookJson } from '../core/strict-json.ts';
import type { InboundRequest, Scheme } from './scheme.ts';

/**
 * The body of a verified request as JSON: JSON as it is; a form as an object of its fields (several values as a list), or
 * as the JSON in the field that the scheme names; XML by the scheme. Throws `malformed_request`, `unsupported_media_type`.
 */
export function payloadOf(scheme: Scheme, { headers, body }: InboundRequest): Json {
  const [type = ''] = (headers['content-type'] ?? '').toLowerCase().split(';', 1);
  if (body.length === 0) return {};
  if (type === 'application/x-www-form-urlencoded') return formOf(scheme, body);
  if (/^(text|application)\/(soap\+)?xml$/.test(type) && scheme.parse) return scheme.parse(body);
  // SNS says text/plain, and sends JSON.
  const isNotification = type === 'text/plain' && headers['x-amz-sns-message-type'] !== undefined;
  if (
    isNotification ||
    type === '' ||
    type === 'application/json' ||
    type === 'text/json' ||
    type.endsWith('+json')
  ) {
    return parseWebhookJson(body);
  }
  throw new SignalboxError(
    'unsupported_media_type',
    `The content type ${JSON.stringify(type.slice(0, 80))} is not one that the scheme ${scheme.name} sends. Send JSON.`,
  );
}

function formOf(scheme: Scheme, body: Buffer): Json {
  // The content type is not signed: a request that is read as something else would not be known again by its `dedup_key`.
  if (/^\s*[[{]/.test(body.toString('utf8', 0, 100))) {
    throw new SignalboxError(
      'malformed_request',
      'The body is JSON, and its content type says that it is a form.',
    );
  }
  const form = new URLSearchParams(body.toString());
  const inner = scheme.formField === undefined ? null : form.get(scheme.formField);
  if (inner !== null) return parseWebhookJson(Buffer.from(inner));
  const fields = [...new Set(form.keys())].map((name) => {
    const values = form.getAll(name);
    return [name, values.length === 1 ? values[0]! : values] as const;
  });
  return Object.fromEntries(fields);
}
