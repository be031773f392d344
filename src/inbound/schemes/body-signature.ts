import { Type } from 'typebox';
import { type Encoding, type HmacRecipe, pairsOf, verifyHmac } from '../hmac.ts';
import { type InboundRequest, isStale, refused, type Scheme, textAt } from '../scheme.ts';

/** SHA-256 over the body alone, in one header. */
function bodySignature(
  encoding: Encoding,
  signatures: (headers: InboundRequest['headers']) => readonly string[],
): HmacRecipe {
  return {
    algorithm: 'sha256',
    encoding,
    read: ({ headers, body }) => ({ signatures: signatures(headers), content: [body] }),
  };
}

const one = (value: string | undefined): readonly string[] => (value === undefined ? [] : [value]);

const shopifyRecipe = bodySignature('base64', (headers) => one(headers['x-shopify-hmac-sha256']));

export const shopify: Scheme = {
  name: 'shopify',
  documentation: 'https://shopify.dev/docs/apps/build/webhooks/subscribe/https',
  options: Type.Object({}),
  needsSecret: true,
  signsBody: true,
  verify: (request, secrets, _, nowMs) => verifyHmac(shopifyRecipe, request, secrets, nowMs),
  events: ({ headers }, payload) => [
    {
      deliveryId: headers['x-shopify-webhook-id'],
      idIsUnsigned: true,
      eventType: headers['x-shopify-topic'],
      payload,
    },
  ],
};

const pagerdutyRecipe = bodySignature('hex', (headers) =>
  pairsOf(headers['x-pagerduty-signature'] ?? '')
    .filter(([name]) => name === 'v1')
    .map(([, value]) => value),
);

export const pagerduty: Scheme = {
  name: 'pagerduty',
  documentation: 'https://developer.pagerduty.com/docs/verifying-webhook-signatures',
  options: Type.Object({}),
  needsSecret: true,
  signsBody: true,
  verify: (request, secrets, _, nowMs) => verifyHmac(pagerdutyRecipe, request, secrets, nowMs),
  events: (_, payload) => [
    {
      deliveryId: textAt(payload, 'event', 'id'),
      eventType: textAt(payload, 'event', 'event_type'),
      payload,
    },
  ],
};

const linearRecipe = bodySignature('hex', (headers) => one(headers['linear-signature']));

export const linear: Scheme = {
  name: 'linear',
  documentation: 'https://linear.app/developers/webhooks#securing-webhooks',
  options: Type.Object({}),
  needsSecret: true,
  signsBody: true,
  verify(request, secrets, _, nowMs) {
    const verdict = verifyHmac(linearRecipe, request, secrets, nowMs);
    if (!verdict.verified) return verdict;
    // The time is signed as a part of the body.
    const sentAtMs = sentAt(request.body);
    return sentAtMs !== undefined && isStale(sentAtMs, nowMs) ? refused('stale') : verdict;
  },
  events: ({ headers }, payload) => [
    {
      deliveryId: headers['linear-delivery'],
      idIsUnsigned: true,
      eventType: headers['linear-event'] ?? textAt(payload, 'type'),
      payload,
    },
  ],
};

function sentAt(body: Buffer): number | undefined {
  try {
    const { webhookTimestamp } = JSON.parse(body.toString()) as { webhookTimestamp?: unknown };
    return webhookTimestamp === undefined ? undefined : Number(webhookTimestamp);
  } catch {
    return undefined;
  }
}
