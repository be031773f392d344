import { anybody, type Caller } from './caller.ts';
import type { KeyRing } from './key-ring.ts';
import { isToken, type Tokens } from './oidc/tokens.ts';

/** Says who presents credentials. */
export interface Callers {
  /** Whether everybody who reaches the server may do everything: then only this machine may reach it. */
  readonly isOpen: boolean;
  /**
   * Of a key or a token; undefined when it is nobody's. At once where that is possible. Throws `unauthenticated` with what is wrong
   * with a token, and `issuer_unavailable`.
   */
  identify(presented: string): Caller | undefined | Promise<Caller | undefined>;
  /** Whether one of `SIGNALBOX_API_KEYS` has that name. */
  isConfigured(name: string): boolean;
  /** Keys were changed by this process. */
  keysChanged(): Promise<void>;
}

export function createCallers(keys: KeyRing, tokens?: Tokens): Callers {
  const isOpen = () => keys.isEmpty && tokens === undefined;
  return {
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
