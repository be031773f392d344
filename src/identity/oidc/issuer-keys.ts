import type { CryptoKey, FlattenedJWSInput, JSONWebKeySet, JWSHeaderParameters } from 'jose';
import { messageOf, SignalboxError } from '../../core/errors.ts';
import type { FetchJson } from './fetch-json.ts';

export interface IssuerKeysOptions {
  /** As tokens have it in `iss`. */
  readonly issuer: string;
  readonly fetchJson: FetchJson;
  /** Milliseconds that only go forward. Default: `performance.now`. */
  readonly clock?: () => number;
}

type Find = (header: JWSHeaderParameters, token: FlattenedJWSInput) => Promise<CryptoKey>;

/** After so long the keys are fetched anew, while the old ones still serve. */
const freshMs = 10 * 60_000;
/** After so long without a fetch that succeeded the old ones serve no more. */
const usableMs = 24 * 3_600_000;
/** A key that is not known makes one fetch in so long, however many tokens name it. */
const unknownKeyMs = 30_000;
/** A fetch that failed is not repeated for so long. */
const failureMs = 5_000;
const documentMs = 24 * 3_600_000;

/**
 * The public keys of an issuer, as OpenID Connect Discovery 1.0 says where they are. One fetch at a time serves all who wait for
 * it. While the issuer is away, keys that were fetched within a day go on.
 */
export class IssuerKeys {
  readonly #options: IssuerKeysOptions;
  readonly #clock: () => number;
  #find: Find | undefined;
  #fetchedAt = Number.NEGATIVE_INFINITY;
  #triedAt = Number.NEGATIVE_INFINITY;
  #failure: SignalboxError | undefined;
  #fetching: Promise<void> | undefined;
  #jwksUri: string | undefined;
  #discoveredAt = Number.NEGATIVE_INFINITY;

  constructor(options: IssuerKeysOptions) {
    this.#options = options;
    this.#clock = options.clock ?? (() => performance.now());
  }

  /** The key of a token. Throws `issuer_unavailable`, and errors of `jose` for a key that is not there. */
  async find(header: JWSHeaderParameters, token: FlattenedJWSInput): Promise<CryptoKey> {
    const age = this.#clock() - this.#fetchedAt;
    if (age > usableMs) await this.#fetch(failureMs);
    else if (age > freshMs) this.#fetch(failureMs).catch(() => {});
    try {
      return await this.#known(header, token);
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'ERR_JWKS_NO_MATCHING_KEY') throw error;
      const before = this.#fetchedAt;
      // An issuer that is away now can't say whether the key is one of its.
      await this.#fetch(unknownKeyMs);
      if (this.#fetchedAt === before) throw error;
      return this.#known(header, token);
    }
  }

  /** What keeps its keys from being fetched, and whether those of before serve. Fetches them where they are not fresh. */
  async look(): Promise<{ readonly issuer: string; readonly problem?: string; readonly isUsable: boolean }> {
    const isFresh = this.#failure === undefined && this.#clock() - this.#fetchedAt <= freshMs;
    if (!isFresh) await this.#fetch(failureMs).catch(() => {});
    const isUsable = this.#find !== undefined && this.#clock() - this.#fetchedAt <= usableMs;
    const { issuer } = this.#options;
    return { issuer, isUsable, ...(this.#failure && { problem: this.#failure.message }) };
  }

  #known(header: JWSHeaderParameters, token: FlattenedJWSInput): Promise<CryptoKey> {
    if (this.#find === undefined) throw this.#failure ?? unavailable(this.#options.issuer, 'no keys yet');
    return this.#find(header, token);
  }

  /** Does nothing when the last try was less than `restMs` ago. */
  #fetch(restMs: number): Promise<void> {
    if (this.#fetching !== undefined) return this.#fetching;
    if (this.#clock() - this.#triedAt < restMs) return Promise.resolve();
    this.#triedAt = this.#clock();
    this.#fetching = this.#fetchNow()
      .catch((error) => {
        // Where the keys are may have changed as well.
        this.#discoveredAt = Number.NEGATIVE_INFINITY;
        this.#failure = unavailable(this.#options.issuer, messageOf(error), error);
        throw this.#failure;
      })
      .finally(() => {
        this.#fetching = undefined;
      });
    return this.#fetching;
  }

  async #fetchNow(): Promise<void> {
    const { fetchJson } = this.#options;
    if (this.#clock() - this.#discoveredAt > documentMs) await this.#discover();
    const { createLocalJWKSet } = await import('jose');
    const found = createLocalJWKSet((await fetchJson(this.#jwksUri!)) as unknown as JSONWebKeySet);
    this.#find = found as unknown as Find;
    this.#fetchedAt = this.#clock();
    this.#failure = undefined;
  }

  async #discover(): Promise<void> {
    const { issuer, fetchJson } = this.#options;
    const document = await fetchJson(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`);
    if (document.issuer !== issuer) {
      throw new Error(
        `its discovery document is of the issuer ${JSON.stringify(String(document.issuer).slice(0, 200))}`,
      );
    }
    const uri = URL.parse(String(document.jwks_uri));
    const isSafe = uri?.protocol === 'https:' || (uri?.protocol === 'http:' && issuer.startsWith('http:'));
    if (uri === null || !isSafe || uri.username !== '') {
      throw new Error('its discovery document has no usable https jwks_uri');
    }
    this.#jwksUri = uri.href;
    this.#discoveredAt = this.#clock();
  }
}

const unavailable = (issuer: string, reason: string, cause?: unknown) =>
  new SignalboxError(
    'issuer_unavailable',
    `The keys of the issuer ${issuer} cannot be read: ${reason}. Its tokens cannot be verified until they can.`,
    { cause, retryAfterMs: failureMs },
  );
