import { type ApiKey, parseApiKeys } from '../core/api-keys.ts';
import { wholeNumber } from './parse.ts';
import { required } from './setting.ts';

/** Where the server listens, and who may call it. */
export const listeningSettings = {
  port: required({
    variable: 'PORT',
    about: 'The port to listen on; 0 takes any that is free.',
    expects: 'a whole number from 0 to 65535',
    default: '8080',
    parse: wholeNumber(0, 65_535),
  }),
  host: required({
    variable: 'HOST',
    about: 'The address to listen on. Any other than a loopback address needs an API key.',
    expects: 'a host name or an IP address',
    default: '127.0.0.1',
    parse: (text) => (/^[\w.:-]+$/.test(text) ? text : undefined),
  }),
  apiKeys: required<readonly ApiKey[]>({
    variable: 'SIGNALBOX_API_KEYS',
    about:
      'Who may call, and for what, besides the keys that `signalbox keys create` has made. Without any key only this machine may call, and needs none.',
    expects:
      'comma-separated `name:scopes:key`, scopes of `ingest`, `read`, `operate`, `admin` joined by `+`, keys of 16 characters or more (or `sha256=` and the hash of one)',
    default: '',
    secret: true,
    parse: parseApiKeys,
  }),
  streamLimit: required({
    variable: 'SIGNALBOX_STREAM_LIMIT',
    about:
      'How many may follow the events of all conversations at once (`GET /conversations/events`); the next one is answered 503.',
    expects: 'a whole number from 1 to 10000',
    default: '500',
    parse: wholeNumber(1, 10_000),
  }),
} as const;
