import type { Config } from '../config/config.ts';
import { SignalboxError } from '../core/errors.ts';
import { isLoopbackHost } from '../http/access.ts';
import { type Callers, createCallers } from '../identity/callers.ts';
import { KeyRing } from '../identity/key-ring.ts';
import { createTokens, type Tokens } from '../identity/oidc/tokens.ts';
import { Sessions } from '../identity/sessions.ts';
import type { Log } from '../observe/log.ts';
import type { Store } from '../store/store.ts';

/** Who may call this process. */
export interface ComposedIdentity {
  readonly callers: Callers;
  /** For the greeting: who that is. */
  describe(): string;
  /** Whether the keys of the issuers of tokens can be had; absent where there are none. */
  readonly issuers?: Tokens['look'];
  begin(): void;
  close(): Promise<void>;
}

/** Throws `config_invalid` when everybody could do everything. */
export async function openIdentity(config: Config, log: Log, store: Store): Promise<ComposedIdentity> {
  const keys = new KeyRing({
    configured: config.apiKeys,
    store,
    onError: (error) => log.failed('The keys could not be read; those that were known count on', error),
  });
  await keys.look();
  const tokens = tokensOf(config);
  if (keys.isEmpty && tokens === undefined) refuseOpenHost(config.host);
  return {
    callers: createCallers({
      keys,
      tokens,
      sessions: new Sessions({ store, keys }),
      publicUrl: config.publicUrl,
    }),
    describe() {
      const tokensToo = tokens === undefined ? '' : `, tokens of ${tokens.issuers.join(', ')}`;
      if (!keys.isEmpty || tokensToo !== '') return `${keys.size} API keys${tokensToo}`;
      return 'this machine only, without a key (signalbox keys create makes one)';
    },
    ...(tokens && { issuers: () => tokens.look() }),
    begin: () => keys.begin(),
    close: () => keys.stop(),
  };
}

function tokensOf({ oidcIssuers: issuers, oidcAudiences: audiences, oidcScopes: scopeRules }: Config) {
  return issuers.length === 0 ? undefined : createTokens({ issuers, audiences, scopeRules });
}

/** Without keys everybody who reaches the port may do everything, so only this machine must reach it. */
function refuseOpenHost(host: string): void {
  if (isLoopbackHost(host.includes(':') ? `[${host}]` : host)) return;
  throw new SignalboxError(
    'config_invalid',
    `HOST is ${host}, which others can reach, and there is no key. Make one (bin/signalbox keys create --name me --scope admin) or set SIGNALBOX_API_KEYS (for example SIGNALBOX_API_KEYS="me:admin:$(openssl rand -hex 24)"), or leave HOST at 127.0.0.1.`,
  );
}
