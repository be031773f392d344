import { Type } from 'typebox';
import { type HmacRecipe, pairsOf, secondsToMs, verifyHmac } from '../hmac.ts';
import { type Scheme, textAt } from '../scheme.ts';

const recipe: HmacRecipe = {
  algorithm: 'sha256',
  encoding: 'hex',
  read({ headers, body }) {
    const header = headers['stripe-signature'];
    if (header === undefined) return undefined;
    const pairs = pairsOf(header);
    const timestamp = pairs.find(([name]) => name === 't')?.[1] ?? '';
    const signatures = pairs.filter(([name]) => name === 'v1').map(([, value]) => value);
    return { signatures, content: [`${timestamp}.`, body], signedAtMs: secondsToMs(timestamp) };
  },
};

export const stripe: Scheme = {
  name: 'stripe',
  documentation: 'https://docs.stripe.com/webhooks#verify-manually',
  options: Type.Object({}),
  needsSecret: true,
  signsBody: true,
  verify: (request, secrets, _, nowMs) => verifyHmac(recipe, request, secrets, nowMs),
  events: (_, payload) => [
    { deliveryId: textAt(payload, 'id'), eventType: textAt(payload, 'type'), payload },
  ],
};
