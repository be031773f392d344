import type { Scope } from '../core/api-keys.ts';

/** Who calls, once that is known. */
export interface Caller {
  /** `anybody`: no credentials are needed, because only this machine can call. */
  readonly kind: 'key' | 'token' | 'anybody' | 'command_line';
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** What it is recognised by: the id of a key, `env:` and the name of one of `SIGNALBOX_API_KEYS`, the issuer of a token. */
  readonly id: string | null;
  /** The beginning of the hash of the session that it came with, if it did. */
  readonly session?: string;
}

export const anybody: Caller = { kind: 'anybody', name: 'this machine', scopes: ['admin'], id: null };
