import { Secret } from '../core/secret.ts';
import { optional, url } from './setting.ts';

/** Which server the command line tool calls. */
export const clientSettings = {
  serverUrl: url(
    'SIGNALBOX_URL',
    'The server that the command line tool calls. Without it: the one at `HOST` and `PORT`.',
  ),
  apiKey: optional<Secret>({
    variable: 'SIGNALBOX_API_KEY',
    about: 'The key that the command line tool calls a server with.',
    expects: 'a key',
    secret: true,
    parse: (text) => new Secret(text),
  }),
} as const;
