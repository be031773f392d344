import type { JWTPayload, JWTVerifyResult } from 'jose';
import { SignalboxError } from '../../core/errors.ts';
import type { Caller } from '../caller.ts';
import { hexHash } from '../keys.ts';
import { createFetchJson, type FetchJson } from './fetch-json.ts';
import { IssuerKeys } from './issuer-keys.ts';
import { type ScopeRule, scopesOf } from './scopes.ts';

export interface TokenOptions {
  /** Exactly as tokens have them in `iss`. */
  readonly issuers: readonly string[];
  /** Of which a token names one, as `aud` or, an access token of Cognito, as `client_id`. */
  readonly audiences: readonly string[];
  readonly scopeRules: readonly ScopeRule[];
  readonly fetchJson?: FetchJson;
  /** Milliseconds since the epoch. */
  readonly clock?: () => number;
  /** Milliseconds that only go forward: for what is cached of issuers. */
  readonly steadyClock?: () => number;
}

/** Verifies access tokens of OpenID Connect issuers. */
export interface Tokens {
  readonly issuers: readonly string[];
  /** Whose token it is. Throws `unauthenticated` with what is wrong with it, and `issuer_unavailable`. */
  identify(token: string): Caller | Promise<Caller>;
  /** Whether the keys of each issuer can be had. */
  look(): Promise<readonly Awaited<ReturnType<IssuerKeys['look']>>[]>;
}

/** Public keys alone: a signature with a shared secret could be made by whoever verifies it. */
const algorithms = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];
const skewSeconds = 60;
/** How long a token that was verified is taken again without a look at its signature. */
const rememberedMs = 60_000;
const rememberedAtMost = 2_000;

/** Three parts with dots between, of which the first two are JSON objects. */
export const isToken = (text: string): boolean => /^eyJ[\w-]+\.eyJ[\w-]+\.[\w-]*$/.test(text);

export function createTokens(options: TokenOptions): Tokens {
  const clock = options.clock ?? Date.now;
  const fetchJson = options.fetchJson ?? createFetchJson();
  const own = options.steadyClock && { clock: options.steadyClock };
  const keys = new Map(
    options.issuers.map((issuer) => [issuer, new IssuerKeys({ issuer, fetchJson, ...own })]),
  );
  const remembered = new Map<string, { readonly caller: Caller; readonly until: number }>();

  const identify = async (token: string, hash: string): Promise<Caller> => {
    const { payload } = await verify(token, keys, clock());
    const caller = callerOf(payload, options);
    const until = Math.min(clock() + rememberedMs, (payload.exp! + skewSeconds) * 1_000);
    if (remembered.size >= rememberedAtMost) remembered.delete(remembered.keys().next().value!);
    remembered.set(hash, { caller, until });
    return caller;
  };

  return {
    issuers: options.issuers,
    look: () => Promise.all([...keys.values()].map((ofIssuer) => ofIssuer.look())),
    identify(token) {
      const hash = hexHash(token);
      const known = remembered.get(hash);
      if (known !== undefined && known.until > clock()) return known.caller;
      return identify(token, hash);
    },
  };
}

async function verify(
  token: string,
  keys: ReadonlyMap<string, IssuerKeys>,
  now: number,
): Promise<JWTVerifyResult> {
  const { decodeJwt, jwtVerify } = await import('jose');
  try {
    const { iss } = decodeJwt(token);
    const ofIssuer = keys.get(iss ?? '');
    if (iss === undefined || ofIssuer === undefined) throw invalid('it is of another issuer');
    return await jwtVerify(token, (header, input) => ofIssuer.find(header, input), {
      ...{ issuer: iss, algorithms, clockTolerance: skewSeconds },
      ...{ currentDate: new Date(now), requiredClaims: ['exp', 'sub'] },
    });
  } catch (error) {
    if (error instanceof SignalboxError) throw error;
    throw invalid(reasonOf(error), error);
  }
}

/** https://github.com/panva/jose/blob/main/src/util/errors.ts */
function reasonOf(error: unknown): string {
  const { code, claim } = error as { code?: string; claim?: string };
  const reasons: Readonly<Record<string, string>> = {
    ERR_JWT_EXPIRED: 'it has expired',
    ERR_JWT_CLAIM_VALIDATION_FAILED: `its claim ${JSON.stringify(claim)} is missing or does not hold`,
    ERR_JOSE_ALG_NOT_ALLOWED: 'its algorithm is not one of public keys',
    ERR_JWKS_NO_MATCHING_KEY: 'its key is none of the issuer',
    ERR_JWS_SIGNATURE_VERIFICATION_FAILED: 'its signature does not hold',
  };
  return reasons[code ?? ''] ?? 'it cannot be read';
}

function callerOf(claims: JWTPayload, { audiences, scopeRules }: TokenOptions): Caller {
  // A token that says what it is for must be for access: Cognito, https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-tokens-verifying-a-jwt.html
  if (claims.token_use !== undefined && claims.token_use !== 'access') throw invalid('it is no access token');
  const named = claims.aud ?? (claims.token_use === 'access' ? claims.client_id : undefined);
  if (![named].flat().some((one) => audiences.includes(one as string))) {
    throw invalid('it is for another audience');
  }
  // An ID token is told by what only it has (OpenID Connect Core 1.0, section 2); it says who somebody is, not what may be done.
  if (claims.nonce !== undefined || claims.at_hash !== undefined) throw invalid('it is no access token');
  const { sub, iss } = claims;
  if (typeof sub !== 'string' || sub === '') throw invalid('its claim "sub" is missing or no text');
  const name = [claims.preferred_username, claims.email, claims.username].find(
    (one) => typeof one === 'string' && one !== '',
  );
  const shown = String(name ?? sub)
    .replace(/\p{Cc}+/gu, ' ')
    .slice(0, 128);
  const id = `${iss} ${sub.replace(/\p{Cc}+/gu, ' ').slice(0, 128)}`;
  return { kind: 'token', name: shown, scopes: scopesOf(claims, scopeRules), id };
}

const invalid = (reason: string, cause?: unknown) =>
  new SignalboxError(
    'unauthenticated',
    `The token does not hold: ${reason}. Send an access token of a configured issuer and audience, or an API key.`,
    { cause },
  );
