import { anybody, type Caller } from './caller.ts';
import type { KeyRing } from './key-ring.ts';

/** Says who presents credentials. */
export interface Callers {
  /** Whether everybody who reaches the server may do everything: then only this machine may reach it. */
  readonly isOpen: boolean;
  /** Of a key; undefined when it is nobody's. At once where that is possible. */
  identify(presented: string): Caller | undefined | Promise<Caller | undefined>;
  /** Whether one of `SIGNALBOX_API_KEYS` has that name. */
  isConfigured(name: string): boolean;
  /** Keys were changed by this process. */
  keysChanged(): Promise<void>;
}

export function createCallers(keys: KeyRing): Callers {
  return {
    get isOpen() {
      return keys.isEmpty;
    },
    identify: (presented) => (keys.isEmpty ? anybody : keys.find(presented)),
    isConfigured: (name) => keys.byId(`env:${name}`) !== undefined,
    keysChanged: () => keys.lookAnew(),
  };
}
