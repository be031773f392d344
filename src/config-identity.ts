import type { Setting } from './config.ts';
import { parseScopeRules, type ScopeRule } from './identity/oidc/scopes.ts';

/** What is configured about identities, besides keys. The forms are those of `config.ts`. */
interface WithDefault<T> extends Setting<T> {
  readonly default: string;
}

const list = (text: string): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');

const isLoopbackUrl = ({ hostname }: URL): boolean =>
  hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname);

/** As it is written: a slash at the end is part of an issuer's name. */
function parseIssuers(text: string): readonly string[] | undefined {
  const usable = (issuer: string) => {
    const url = URL.parse(issuer);
    if (url === null || url.search !== '' || url.hash !== '' || url.username !== '') return false;
    return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopbackUrl(url));
  };
  const issuers = list(text);
  return issuers.every(usable) ? issuers : undefined;
}

const oidcIssuers: WithDefault<readonly string[]> = {
  variable: 'SIGNALBOX_OIDC_ISSUERS',
  about:
    'OpenID Connect issuers whose access tokens operators may call with, such as `https://cognito-idp.eu-central-1.amazonaws.com/<user pool>`. Needs `SIGNALBOX_OIDC_AUDIENCES`.',
  expects: 'comma-separated https URLs, exactly as tokens have them in `iss` (http for a loopback host)',
  default: '',
  parse: parseIssuers,
};

const oidcAudiences: WithDefault<readonly string[]> = {
  variable: 'SIGNALBOX_OIDC_AUDIENCES',
  about: 'For whom the tokens are: their `aud`, or the `client_id` of an access token of Amazon Cognito.',
  expects: 'comma-separated names',
  default: '',
  parse: list,
};

const oidcScopes: WithDefault<readonly ScopeRule[]> = {
  variable: 'SIGNALBOX_OIDC_SCOPES',
  about:
    'Which claim of a token gives which scope. Without it: `signalbox:read` or `signalbox/read` in the claim `scope` gives `read`, and so on.',
  expects: 'comma-separated `scope=claim=value` such as `admin=cognito:groups=ops,read=scope=signalbox/read`',
  default: '',
  parse: parseScopeRules,
};

const publicUrl: Setting<string> = {
  variable: 'SIGNALBOX_PUBLIC_URL',
  about:
    'Where people and other systems reach this server. With https, sessions of browsers are for https alone. What other agents send must be addressed to it.',
  expects: 'an http or https URL without a path',
  parse(text) {
    const url = URL.parse(text);
    const isPlain = url !== null && url.pathname === '/' && url.search === '' && url.username === '';
    return isPlain && /^https?:$/.test(url.protocol) ? url.origin : undefined;
  },
};

export const identitySettings = { publicUrl, oidcIssuers, oidcAudiences, oidcScopes } as const;

/** What of it contradicts itself, or is half there. */
export function identityProblems(config: {
  readonly oidcIssuers?: readonly string[];
  readonly oidcAudiences?: readonly string[];
}): string[] {
  const { oidcIssuers: issuers = [], oidcAudiences: audiences = [] } = config;
  if (issuers.length > 0 === audiences.length > 0) return [];
  const [set, missing] = issuers.length > 0 ? ['ISSUERS', 'AUDIENCES'] : ['AUDIENCES', 'ISSUERS'];
  return [
    `SIGNALBOX_OIDC_${set} is set, and SIGNALBOX_OIDC_${missing} is not: a token is of an issuer and for an audience. Set both or neither.`,
  ];
}
