import { createHash, timingSafeEqual } from 'node:crypto';
import { Type } from 'typebox';
import { SignalboxError } from '../../core/errors.ts';
import type { Json, JsonObject } from '../../core/json.ts';
import { type HmacRecipe, verifyHmac } from '../hmac.ts';
import { parseSoapMessage } from '../outbound-message.ts';
import { type InboundRequest, refused, type Scheme, textAt, type Verdict } from '../scheme.ts';

type Options = { organization_id?: string };

/** What Apex code of one's own signs a callout with; outbound messages can't be signed. */
const callout: HmacRecipe = {
  algorithm: 'sha256',
  encoding: 'base64',
  read({ headers, body }) {
    const signature = headers['x-salesforce-signature'] ?? headers['x-webhook-signature'];
    return signature === undefined ? undefined : { signatures: [signature], content: [body] };
  },
};

/**
 * Outbound messages (SOAP) carry the id of the organisation and present a shared secret in the endpoint's address
 * (`?secret=…`) or as the password of HTTP Basic; callouts are signed. A message is acknowledged as SOAP asks for, or else
 * Salesforce sends it again for a day.
 */
export const salesforce: Scheme<Options> = {
  name: 'salesforce',
  documentation:
    'https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_om_outboundmessaging.htm',
  options: Type.Object({
    /** 15 or 18 characters; outbound messages of other organisations are refused. */
    organization_id: Type.Optional(Type.String({ pattern: '^00D[A-Za-z0-9]{12}([A-Z0-5]{3})?$' })),
  }),
  needsSecret: true,
  signsBody: true,
  verify(request, secrets, options, nowMs) {
    if (!isSoap(request)) return verifyHmac(callout, request, secrets, nowMs);
    const verdict = presentsSecret(request, secrets);
    if (!verdict.verified) return verdict;
    return isOf(options.organization_id, request) ? verdict : refused('mismatch');
  },
  parse: (body) => parseSoapMessage(body) as unknown as Json,
  events(request, payload) {
    if (!isSoap(request)) {
      const { headers } = request;
      const deliveryId = headers['webhook-id'];
      return [{ deliveryId, idIsUnsigned: true, eventType: textAt(payload, 'type'), payload }];
    }
    const { notifications, ...message } = messageOf(request, payload);
    return notifications.map(({ id, type, object }) => ({
      deliveryId: id,
      eventType: type,
      payload: { ...message, id, type, object } as JsonObject,
    }));
  },
  acknowledgement: () => ({
    status: 200,
    contentType: 'text/xml; charset=utf-8',
    body:
      '<?xml version="1.0" encoding="UTF-8"?>' +
      '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>' +
      '<notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>true</Ack></notificationsResponse>' +
      '</soapenv:Body></soapenv:Envelope>',
  }),
};

/** Types that only look like XML, and bodies that are empty, are none. */
function messageOf({ headers, body }: InboundRequest, payload: Json) {
  const type = (headers['content-type'] ?? '').split(';', 1)[0]!;
  if (!/^(text|application)\/(soap\+)?xml$/i.test(type)) {
    const message = `The content type ${JSON.stringify(type.slice(0, 80))} is not that of an outbound message. Send text/xml.`;
    throw new SignalboxError('unsupported_media_type', message);
  }
  if (body.length === 0) {
    throw new SignalboxError('malformed_request', 'The body is empty; an outbound message is expected.');
  }
  return payload as unknown as ReturnType<typeof parseSoapMessage>;
}

const isSoap = ({ headers }: InboundRequest) =>
  /^(text|application)\/(soap\+)?xml\b/i.test(headers['content-type'] ?? '');

function presentsSecret({ url, headers }: InboundRequest, secrets: readonly string[]): Verdict {
  const [scheme, credentials = ''] = (headers.authorization ?? '').split(' ');
  const pair = scheme?.toLowerCase() === 'basic' ? Buffer.from(credentials, 'base64').toString() : undefined;
  const presented =
    pair?.slice(pair.indexOf(':') + 1) ?? URL.parse(url)?.searchParams.get('secret') ?? undefined;
  if (presented === undefined) return refused('missing');
  const hash = sha256(presented);
  const secret = secrets.findIndex((candidate) => timingSafeEqual(sha256(candidate), hash));
  return secret === -1 ? refused('mismatch') : { verified: true, secret };
}

const sha256 = (text: string) => createHash('sha256').update(text).digest();

/** The last three characters of the long form only make it safe where case is lost. */
function isOf(organizationId: string | undefined, { body }: InboundRequest): boolean {
  if (organizationId === undefined) return true;
  try {
    return parseSoapMessage(body).organizationId.slice(0, 15) === organizationId.slice(0, 15);
  } catch (error) {
    if (error instanceof SignalboxError) return false;
    throw error;
  }
}
