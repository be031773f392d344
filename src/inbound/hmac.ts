import { createHmac, timingSafeEqual } from 'node:crypto';
import { type InboundRequest, isStale, refused, toleranceMs, type Verdict } from './scheme.ts';

export const hmacAlgorithms = ['sha1', 'sha256', 'sha384', 'sha512'] as const;
export type HmacAlgorithm = (typeof hmacAlgorithms)[number];
export const encodings = ['hex', 'base64'] as const;
export type Encoding = (typeof encodings)[number];

/** What a request carries of its signature, and what was signed. */
export interface Signed {
  /** As they were sent, without the scheme's prefix; any may match. */
  readonly signatures: readonly string[];
  /** The signed bytes, in order. */
  readonly content: readonly (string | Buffer)[];
  /** Absent where the scheme signs no time. */
  readonly signedAtMs?: number;
}

export interface HmacRecipe {
  readonly algorithm: HmacAlgorithm;
  readonly encoding: Encoding;
  /** Undefined when the request is not signed at all. */
  readonly read: (request: InboundRequest) => Signed | undefined;
  /** The key that a secret stands for; its UTF-8 bytes unless said otherwise. */
  readonly keyOf?: (secret: string) => Buffer | string;
  readonly toleranceMs?: number;
}

/**
 * Whether one of the signatures was made with one of the secrets. Every secret is tried against every signature, each in
 * constant time; the time is looked at last.
 */
export function verifyHmac(
  recipe: HmacRecipe,
  request: InboundRequest,
  secrets: readonly string[],
  nowMs: number,
): Verdict {
  const signed = recipe.read(request);
  if (signed === undefined || signed.signatures.length === 0) return refused('missing');
  const presented = signed.signatures.map((signature) => decode(signature, recipe.encoding));
  const secret = secrets.findIndex((candidate) => {
    const hmac = createHmac(recipe.algorithm, recipe.keyOf?.(candidate) ?? candidate);
    for (const part of signed.content) hmac.update(part);
    return matchesAny(hmac.digest(), presented);
  });
  if (secret === -1) return refused('mismatch');
  const { signedAtMs } = signed;
  if (signedAtMs !== undefined && isStale(signedAtMs, nowMs, recipe.toleranceMs ?? toleranceMs)) {
    return refused('stale');
  }
  return { verified: true, secret };
}

export function matchesAny(expected: Buffer, presented: readonly Buffer[]): boolean {
  let matches = false;
  for (const one of presented) {
    if (one.length === expected.length && timingSafeEqual(one, expected)) matches = true;
  }
  return matches;
}

const alphabets: Readonly<Record<Encoding, RegExp>> = {
  hex: /^(?:[0-9a-f]{2})+$/i,
  base64: /^[A-Za-z0-9+/]+={0,2}$/,
};

/** Empty, which matches nothing, for what is not in the encoding (`Buffer.from` stops at the first wrong character). */
function decode(text: string, encoding: Encoding): Buffer {
  return alphabets[encoding].test(text) ? Buffer.from(text, encoding) : Buffer.alloc(0);
}

/** `t=1,v1=a,v1=b` as pairs, in order. */
export function pairsOf(header: string): readonly (readonly [string, string])[] {
  return header.split(',').flatMap((part) => {
    const at = part.indexOf('=');
    return at === -1 ? [] : [[part.slice(0, at).trim(), part.slice(at + 1).trim()] as const];
  });
}

/** Digits alone: `Number` would take '', ' 1' and '1e9' as well. */
export function secondsToMs(text: string | undefined): number {
  return text !== undefined && /^\d{1,12}$/.test(text) ? Number(text) * 1_000 : Number.NaN;
}
