import { Type } from 'typebox';
import { type HmacRecipe, secondsToMs, verifyHmac } from '../hmac.ts';
import { type Scheme, textAt } from '../scheme.ts';

const recipe: HmacRecipe = {
  algorithm: 'sha256',
  encoding: 'hex',
  read({ headers, body }) {
    const signature = headers['x-slack-signature'];
    const timestamp = headers['x-slack-request-timestamp'];
    if (!signature?.startsWith('v0=') || timestamp === undefined) return undefined;
    return {
      signatures: [signature.slice(3)],
      content: [`v0:${timestamp}:`, body],
      signedAtMs: secondsToMs(timestamp),
    };
  },
};

export const slack: Scheme = {
  name: 'slack',
  documentation: 'https://docs.slack.dev/authentication/verifying-requests-from-slack',
  options: Type.Object({}),
  needsSecret: true,
  signsBody: true,
  verify: (request, secrets, _, nowMs) => verifyHmac(recipe, request, secrets, nowMs),
  formField: 'payload',
  events: (_, payload) => [
    {
      deliveryId: textAt(payload, 'event_id') ?? textAt(payload, 'trigger_id'),
      eventType: textAt(payload, 'event', 'type') ?? textAt(payload, 'type') ?? textAt(payload, 'command'),
      payload,
    },
  ],
  handshake(payload) {
    if (textAt(payload, 'type') !== 'url_verification') return undefined;
    const challenge = textAt(payload, 'challenge') ?? '';
    return { status: 200, contentType: 'text/plain; charset=utf-8', body: challenge };
  },
};
