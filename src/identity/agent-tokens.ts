import { createHash, createPrivateKey, createPublicKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import type { JWTPayload } from 'jose';
import { SignalboxError } from '../core/errors.ts';
import { uuidv7 } from '../core/ids.ts';
import type { Secret } from '../core/secret.ts';
import type { Identities } from '../store/identities.ts';

/**
 * Tokens between agents in different processes: a JWT for one request, signed with Ed25519. It says who sends (`iss`), which of its
 * agents (`sub`), to which agent (`aud`, its URL), and what (`body_sha256`); it holds for a minute and is taken once (`jti`).
 */
export interface AgentSigner {
  sign(of: { readonly agent: string; readonly audience: string; readonly body: string }): Promise<string>;
}

export interface AgentVerifier {
  /** Who sends. Throws `unauthenticated` with what does not hold; a token that was used is refused here. */
  verify(token: string, audience: string, body: Buffer): Promise<AgentSender>;
}

export interface AgentSender {
  /** One of the callers that are trusted. */
  readonly issuer: string;
  readonly agent: string;
}

/** Whose requests are taken; one with several keys is changing them. */
export interface TrustedCaller {
  readonly name: string;
  readonly key: KeyObject;
}

const algorithm = 'EdDSA';
const tokenType = 'agent+jwt';
const lifetimeSeconds = 60;
const longestLifetimeSeconds = 300;
const skewSeconds = 30;

const hashOf = (body: string | Buffer): string => createHash('sha256').update(body).digest('base64url');

/** `privateKey` is what `parsePrivateKey` took; `name` is who we are to others. */
export function createAgentSigner(
  name: string,
  privateKey: Secret,
  clock: () => number = Date.now,
): AgentSigner {
  const key = createPrivateKey(privateKey.reveal());
  return {
    async sign({ agent, audience, body }) {
      const { SignJWT } = await import('jose');
      const now = Math.floor(clock() / 1_000);
      return new SignJWT({ body_sha256: hashOf(body) })
        .setProtectedHeader({ alg: algorithm, typ: tokenType })
        .setIssuer(name)
        .setSubject(agent)
        .setAudience(audience)
        .setIssuedAt(now)
        .setExpirationTime(now + lifetimeSeconds)
        .setJti(uuidv7(clock()))
        .sign(key);
    },
  };
}

export function createAgentVerifier(
  callers: readonly TrustedCaller[],
  store: Pick<Identities, 'useToken'>,
  clock: () => number = Date.now,
): AgentVerifier {
  return {
    async verify(token, audience, body) {
      const claims = await verified(callers, token, audience, clock());
      const { iss, sub, jti, exp = 0, iat = 0 } = claims as Required<JWTPayload>;
      if (exp - iat > longestLifetimeSeconds) throw invalid('it holds for longer than five minutes');
      if (iat * 1_000 > clock() + skewSeconds * 1_000) throw invalid('it is from the future');
      if (!isSame(String(claims.body_sha256), hashOf(body))) throw invalid('it is for another body');
      const id = `agent ${iss.length} ${iss} ${jti}`;
      const isNew = await store.useToken(id, (exp + skewSeconds) * 1_000, clock());
      if (!isNew) throw invalid('it was used before; each request has a token of its own');
      return { issuer: iss, agent: sub };
    },
  };
}

async function verified(
  callers: readonly TrustedCaller[],
  token: string,
  audience: string,
  now: number,
): Promise<JWTPayload> {
  const { decodeJwt, jwtVerify } = await import('jose');
  const claimed = issuerIn(token, decodeJwt);
  const keys = callers.filter(({ name }) => name === claimed);
  let reason: unknown;
  for (const { name, key } of keys) {
    try {
      const { payload } = await jwtVerify(token, key, {
        ...{ issuer: name, audience, algorithms: [algorithm, 'Ed25519'], typ: tokenType },
        ...{ clockTolerance: skewSeconds, currentDate: new Date(now) },
        requiredClaims: ['exp', 'iat', 'sub', 'jti', 'body_sha256'],
      });
      if (String(payload.jti).length <= 128 && String(payload.sub).length <= 128) return payload;
      reason = undefined;
    } catch (error) {
      reason = error;
    }
  }
  if (keys.length === 0) throw invalid('it is of nobody in SIGNALBOX_AGENT_CALLERS');
  throw invalid(reasonOf(reason), reason);
}

function issuerIn(token: string, decode: (token: string) => JWTPayload): unknown {
  try {
    return decode(token).iss;
  } catch (error) {
    throw invalid('it cannot be read', error);
  }
}

function reasonOf(error: unknown): string {
  const { code, claim } = (error ?? {}) as { code?: string; claim?: string };
  if (code === 'ERR_JWT_EXPIRED') return 'it has expired';
  if (code === 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED') return 'its signature does not hold';
  if (code === 'ERR_JOSE_ALG_NOT_ALLOWED') return 'its algorithm is not EdDSA';
  return claim === undefined ? 'it cannot be read' : `its claim ${JSON.stringify(claim)} does not hold`;
}

function isSame(one: string, other: string): boolean {
  return one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other));
}

const invalid = (reason: string, cause?: unknown) =>
  new SignalboxError(
    'unauthenticated',
    `The token of the agent does not hold: ${reason}. docs/reference/identity.md says what is expected of it.`,
    { cause },
  );

/** Base64 of an Ed25519 key in SPKI: `openssl pkey -in key.pem -pubout -outform DER | base64`. Undefined for anything else. */
export function parsePublicKey(text: string): KeyObject | undefined {
  try {
    const key = createPublicKey({ key: Buffer.from(text, 'base64'), format: 'der', type: 'spki' });
    return key.asymmetricKeyType === 'ed25519' ? key : undefined;
  } catch {
    return undefined;
  }
}

/** Whether it is an Ed25519 key in PKCS#8 PEM. */
export function isPrivateKey(pem: string): boolean {
  try {
    return createPrivateKey(pem).asymmetricKeyType === 'ed25519';
  } catch {
    return false;
  }
}
