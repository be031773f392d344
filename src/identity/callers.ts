import { anybody, type Caller } from './caller.ts';
import type { KeyRing } from './key-ring.ts';
import { isToken, type Tokens } from './oidc/tokens.ts';
import type { Sessions } from './sessions.ts';

/** Says who presents credentials. */
export interface Callers {
  /** Whether everybody who reaches the server may do everything: then only this machine may reach it. */
  readonly isOpen: boolean;
  /**
   * Of a key or a token; undefined when it is nobody's. At once where that is possible. Throws `unauthenticated` with what is wrong
   * with a token, and `issuer_unavailable`.
   */
  identify(presented: string): Caller | undefined | Promise<Caller | undefined>;
  /** Of those who signed in with a browser. */
  readonly sessions: Sessions;
  /** Where people reach the server, if that is known. */
  readonly publicUrl: string | undefined;
  /** Whether one of `SIGNALBOX_API_KEYS` has that name. */
  isConfigured(name: string): boolean;
  /** Keys were changed by this process. */
  keysChanged(): Promise<void>;
}

export interface CallersOptions {
  readonly keys: KeyRing;
  readonly sessions: Sessions;
  readonly tokens?: Tokens | undefined;
  readonly publicUrl?: string | undefined;
}

export function createCallers({ keys, tokens, sessions, publicUrl }: CallersOptions): Callers {
  const isOpen = () => keys.isEmpty && tokens === undefined;
  return {
    sessions,
    publicUrl,
    get isOpen() {
      return isOpen();
    },
    identify(presented) {
      if (isOpen()) return anybody;
      const found = keys.find(presented);
      if (found !== undefined || tokens === undefined || !isToken(presented)) return found;
      return tokens.identify(presented);
    },
    isConfigured: (name) => keys.byId(`env:${name}`) !== undefined,
    keysChanged: () => keys.lookAnew(),
  };
}
