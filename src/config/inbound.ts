import { isAbsolute, resolve } from 'node:path';
import { parseRateLimit, type RateLimit } from '../core/rate-limit.ts';
import { parseBoolean, parseSize, wholeNumber } from './parse.ts';
import { optional, required } from './setting.ts';

/** What is let in. */
export const inboundSettings = {
  rateLimit: required<RateLimit | null>({
    variable: 'SIGNALBOX_RATE_LIMIT',
    about:
      'How many requests one API key, and one source system of it (however its name is written: case and spaces around it do not matter), may send in which time. A batch of events counts as its events; one that is larger than the limit takes a whole window.',
    expects: 'a number and a time such as `6000/1m`, or `off`',
    default: '6000/1m',
    parse: (text) => (text === 'off' ? null : parseRateLimit(text)),
  }),
  bodyLimitBytes: required({
    variable: 'SIGNALBOX_BODY_LIMIT',
    about: 'The largest body that a request may have.',
    expects: 'a size from 1KiB to 64MiB such as `256KiB`',
    default: '1MiB',
    parse: parseSize,
  }),
  sourcesFile: optional<string>({
    variable: 'SIGNALBOX_SOURCES',
    about:
      'A JSON file of [sources](inbound.md#sources-in-a-file), read at the start. Its secrets are in variables and files that it names.',
    expects: 'a path',
    parse: (text) => (isAbsolute(text) ? text : resolve(text)),
  }),
  verifiesWebhooks: required<boolean>({
    variable: 'VERIFY_WEBHOOK_SIGNATURE',
    about:
      'Whether webhooks of other systems must be signed. `false` lets everybody in; with `NODE_ENV=production` it needs `ALLOW_UNVERIFIED_WEBHOOKS=true` as well.',
    expects: '`true` or `false`',
    default: 'true',
    parse: parseBoolean,
  }),
  allowsUnverifiedWebhooks: required<boolean>({
    variable: 'ALLOW_UNVERIFIED_WEBHOOKS',
    about: 'Says that `VERIFY_WEBHOOK_SIGNATURE=false` is meant, in production.',
    expects: '`true` or `false`',
    default: 'false',
    parse: parseBoolean,
  }),
  production: required<boolean>({
    variable: 'NODE_ENV',
    about: 'With `production`, webhooks that are not verified are refused unless that is asked for twice.',
    expects: 'a word such as `production`',
    default: 'development',
    parse: (text) => text === 'production',
  }),
  corsOrigins: required<readonly string[]>({
    variable: 'SIGNALBOX_CORS_ORIGINS',
    about:
      'Origins whose pages may call, with a key that they send themselves. Without any, browsers keep all other origins out.',
    expects: 'comma-separated origins such as `https://app.example`',
    default: '',
    parse: parseOrigins,
  }),
  connectionLimit: required({
    variable: 'SIGNALBOX_CONNECTION_LIMIT',
    about: 'How many connections may be open at once; further ones are closed at once.',
    expects: 'a whole number from 1 to 1000000',
    default: '10000',
    parse: wholeNumber(1, 1_000_000),
  }),
} as const;

/** Exactly as browsers write them. */
function parseOrigins(text: string): readonly string[] | undefined {
  const origins = text
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');
  return origins.every((one) => /^https?:/.test(one) && URL.parse(one)?.origin === one) ? origins : undefined;
}
