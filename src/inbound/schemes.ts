import type { Scheme } from './scheme.ts';
import { linear, pagerduty, shopify } from './schemes/body-signature.ts';
import { cloudEvents } from './schemes/cloud-events.ts';
import { basic, bearer, none } from './schemes/credentials.ts';
import { hmac } from './schemes/custom-hmac.ts';
import { github } from './schemes/github.ts';
import { salesforce } from './schemes/salesforce.ts';
import { slack } from './schemes/slack.ts';
import { standardWebhooks } from './schemes/standard-webhooks.ts';
import { stripe } from './schemes/stripe.ts';
import { twilio } from './schemes/twilio.ts';

/** Every scheme by the name that sources use. */
export const schemes: ReadonlyMap<string, Scheme> = new Map(
  [
    github,
    stripe,
    slack,
    salesforce,
    standardWebhooks,
    shopify,
    pagerduty,
    linear,
    twilio,
    hmac,
    basic,
    bearer,
    none,
    cloudEvents,
  ].map((scheme) => [scheme.name, scheme as Scheme]),
);
