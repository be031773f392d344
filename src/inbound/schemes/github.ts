import { Type } from 'typebox';
import { type HmacRecipe, verifyHmac } from '../hmac.ts';
import type { Scheme } from '../scheme.ts';

type Options = { allow_sha1?: boolean };

const recipe = (algorithm: 'sha1' | 'sha256', header: string): HmacRecipe => ({
  algorithm,
  encoding: 'hex',
  read({ headers, body }) {
    const value = headers[header];
    if (!value?.startsWith(`${algorithm}=`)) return undefined;
    return { signatures: [value.slice(algorithm.length + 1)], content: [body] };
  },
});

const sha256 = recipe('sha256', 'x-hub-signature-256');
const sha1 = recipe('sha1', 'x-hub-signature');

export const github: Scheme<Options> = {
  name: 'github',
  documentation: 'https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries',
  options: Type.Object({
    /** Takes `X-Hub-Signature` from servers that send nothing better. */
    allow_sha1: Type.Optional(Type.Boolean()),
  }),
  needsSecret: true,
  signsBody: true,
  verify(request, secrets, options, nowMs) {
    const old = options.allow_sha1 === true && request.headers['x-hub-signature-256'] === undefined;
    return verifyHmac(old ? sha1 : sha256, request, secrets, nowMs);
  },
  formField: 'payload',
  events: ({ headers }, payload) => [
    {
      deliveryId: headers['x-github-delivery'],
      idIsUnsigned: true,
      eventType: headers['x-github-event'],
      payload,
    },
  ],
};
