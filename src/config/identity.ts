import { readFileSync } from 'node:fs';
import { Secret } from '../core/secret.ts';
import { isPrivateKey, parsePublicKey, type TrustedCaller } from '../identity/agent-tokens.ts';
import { parseScopeRules, type ScopeRule } from '../identity/oidc/scopes.ts';
import { list } from './parse.ts';
import type { RequiredSetting, Setting } from './setting.ts';

/** What is configured about identities, besides keys. */

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

const oidcIssuers: RequiredSetting<readonly string[]> = {
  variable: 'SIGNALBOX_OIDC_ISSUERS',
  about:
    'OpenID Connect issuers whose access tokens operators may call with, such as `https://cognito-idp.eu-central-1.amazonaws.com/<user pool>`. Needs `SIGNALBOX_OIDC_AUDIENCES`.',
  expects: 'comma-separated https URLs, exactly as tokens have them in `iss` (http for a loopback host)',
  default: '',
  parse: parseIssuers,
};

const oidcAudiences: RequiredSetting<readonly string[]> = {
  variable: 'SIGNALBOX_OIDC_AUDIENCES',
  about: 'For whom the tokens are: their `aud`, or the `client_id` of an access token of Amazon Cognito.',
  expects: 'comma-separated names',
  default: '',
  parse: list,
};

const oidcScopes: RequiredSetting<readonly ScopeRule[]> = {
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

const agentUrl: Setting<string> = {
  variable: 'SIGNALBOX_AGENT_URL',
  about:
    'The agent of another Signalbox that answers the questions here, instead of the analyst. Needs `SIGNALBOX_AGENT_PRIVATE_KEY`.',
  expects: 'a URL such as `https://other.example/agents/analyst`',
  parse(text) {
    const url = URL.parse(text);
    const isAgent = url !== null && /^\/agents\/[\w.-]{1,64}$/.test(url.pathname);
    const isUsable = isAgent && /^https?:$/.test(url.protocol) && url.username === '' && url.search === '';
    return isUsable ? `${url.origin}${url.pathname}` : undefined;
  },
};

const agentName: RequiredSetting<string> = {
  variable: 'SIGNALBOX_AGENT_NAME',
  about: 'Who we are to the agents of other processes: the `iss` of our tokens.',
  expects: 'up to 64 letters, digits, `.`, `_`, `-`',
  default: 'signalbox',
  parse: (text) => (/^[\w.-]{1,64}$/.test(text) ? text : undefined),
};

const agentPrivateKey: Setting<Secret> = {
  variable: 'SIGNALBOX_AGENT_PRIVATE_KEY',
  about: 'What requests to the agents of other processes are signed with.',
  expects: 'an Ed25519 key in PKCS#8 PEM, or the path of a file with one',
  secret: true,
  parse(text) {
    const pem = text.startsWith('-----BEGIN') ? text.replaceAll('\\n', '\n') : fileAt(text);
    return pem !== undefined && isPrivateKey(pem) ? new Secret(pem) : undefined;
  },
};

function fileAt(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

const agentCallers: RequiredSetting<readonly TrustedCaller[]> = {
  variable: 'SIGNALBOX_AGENT_CALLERS',
  about:
    'Whose agents may ask ours: names, each with its public key; one that is changing keys has two entries. Needs `SIGNALBOX_PUBLIC_URL`.',
  expects:
    'comma-separated `name=key`, keys as `openssl pkey -in key.pem -pubout -outform DER | base64` prints them',
  default: '',
  parse(text) {
    const callers = list(text).map((entry) => {
      const [, name, encoded] = /^([\w.-]{1,64})=(.+)$/.exec(entry) ?? [];
      const key = encoded === undefined ? undefined : parsePublicKey(encoded);
      return key && { name: name!, key };
    });
    return callers.every((caller) => caller !== undefined) ? (callers as TrustedCaller[]) : undefined;
  },
};

export const identitySettings = {
  ...{ publicUrl, oidcIssuers, oidcAudiences, oidcScopes },
  ...{ agentUrl, agentName, agentPrivateKey, agentCallers },
} as const;

/** What of it contradicts itself, or is half there. */
export function identityProblems(config: {
  readonly oidcIssuers?: readonly string[];
  readonly oidcAudiences?: readonly string[];
  readonly publicUrl?: string | undefined;
  readonly agentUrl?: string | undefined;
  readonly agentPrivateKey?: Secret | undefined;
  readonly agentCallers?: readonly TrustedCaller[];
}): string[] {
  const { oidcIssuers: issuers = [], oidcAudiences: audiences = [], agentCallers: callers = [] } = config;
  const problems: string[] = [];
  if (issuers.length > 0 !== audiences.length > 0) {
    const [set, missing] = issuers.length > 0 ? ['ISSUERS', 'AUDIENCES'] : ['AUDIENCES', 'ISSUERS'];
    problems.push(
      `SIGNALBOX_OIDC_${set} is set, and SIGNALBOX_OIDC_${missing} is not: a token is of an issuer and for an audience. Set both or neither.`,
    );
  }
  if (config.agentUrl !== undefined && config.agentPrivateKey === undefined) {
    problems.push(
      'SIGNALBOX_AGENT_URL is set, and SIGNALBOX_AGENT_PRIVATE_KEY is not: that agent takes signed requests alone. Make one with: openssl genpkey -algorithm ed25519 -out agent.pem',
    );
  }
  if (callers.length > 0 && config.publicUrl === undefined) {
    problems.push(
      'SIGNALBOX_AGENT_CALLERS is set, and SIGNALBOX_PUBLIC_URL is not: a request that is signed for another server could be sent here. Set it to the URL that the callers have.',
    );
  }
  return problems;
}
