import { userInfo } from 'node:os';
import { parseArgs } from 'node:util';
import { withStore } from '../compose/keys.ts';
import { SignalboxError } from '../core/errors.ts';
import { createKey, parseKeyRequest, revokeKey, shownKey } from '../identity/keys.ts';
import { actEndFact, actFact } from '../record/acts.ts';
import type { Store } from '../store/store.ts';
import { createClient } from './client.ts';
import { type Command, type Context, UsageError } from './command.ts';
import { printJson, safe, table } from './terminal.ts';

export const keys: Command = {
  name: 'keys',
  summary: 'make, list and revoke the keys with which a server is called',
  usage: `
signalbox keys create --name NAME --scope ingest|read|operate|admin [--scope …] [--expires 90d] [--url URL] [--json]
signalbox keys list [--url URL] [--json]
signalbox keys revoke KEY… [--url URL] [--json]

ingest sends questions and webhooks, read looks, operate steers, admin does everything. The key is shown once; only its hash is kept.
KEY is what the key begins with (sb_ and eight characters), or its name. A running server knows of a change within seconds.

Without --url and SIGNALBOX_URL it works on the store itself: on PostgreSQL where DATABASE_URL says so, else on the data folder
(SIGNALBOX_DATA_DIR); while a server uses that, it asks the server at HOST and PORT, with the key of SIGNALBOX_API_KEY (of scope admin; none while
there is no key).
`,
  async run(args, context) {
    const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options });
    const [what = 'list', ...named] = positionals;
    const json = values.json === true;
    const acts = actsOf(context, values.url);
    if (what === 'list') return list(context, await acts.list(), json);
    if (what === 'create') return create(context, await acts.create(requestOf(values)), json);
    if (what !== 'revoke') throw new UsageError(`"${what}" is none of create, list, revoke.`);
    if (named.length === 0) throw new UsageError('The key to revoke is missing: its beginning, or its name.');
    for (const key of named) revoked(context, await acts.revoke(key), json);
    return 0;
  },
};

const options = {
  name: { type: 'string' },
  scope: { type: 'string', multiple: true },
  expires: { type: 'string' },
  url: { type: 'string' },
  json: { type: 'boolean' },
} as const;

type Values = { readonly name?: string; readonly scope?: readonly string[]; readonly expires?: string };
type Shown = Readonly<Record<string, unknown>>;

function requestOf({ name, scope, expires }: Values): Shown {
  if (name === undefined) throw new UsageError('--name is missing: who will call with the key.');
  if (scope === undefined) throw new UsageError('--scope is missing: ingest, read, operate or admin.');
  return { name, scopes: scope.flatMap((one) => one.split(/[,+]/)), expires: expires ?? 'never' };
}

/** What the command does, on the store or through a server. */
interface Acts {
  list(): Promise<readonly Shown[]>;
  create(request: Shown): Promise<Shown>;
  revoke(key: string): Promise<Shown>;
}

function actsOf(context: Context, url: string | undefined): Acts {
  const config = context.readConfig();
  const served = actsOfServer(context, url);
  if (url !== undefined || config.serverUrl !== undefined) return served;
  const here = actsOfStore((work) => withStore(config, work));
  const either = <T>(act: (acts: Acts) => Promise<T>): Promise<T> =>
    act(here).catch((error) => {
      if (error instanceof SignalboxError && error.code === 'data_dir_in_use') return act(served);
      throw error;
    });
  return {
    list: () => either((acts) => acts.list()),
    create: (request) => either((acts) => acts.create(request)),
    revoke: (key) => either((acts) => acts.revoke(key)),
  };
}

function actsOfServer(context: Context, url: string | undefined): Acts {
  const call = (...[method, path, body]: ['GET' | 'POST' | 'DELETE', string, unknown?]) =>
    createClient(context, url).call(method, path, body);
  return {
    list: async () => (await call('GET', '/keys')).keys as readonly Shown[],
    create: (request) => call('POST', '/keys', request),
    revoke: (key) => call('DELETE', `/keys/${encodeURIComponent(key)}`),
  };
}

function actsOfStore(using: <T>(work: (store: Store) => Promise<T>) => Promise<T>): Acts {
  const name = `${userInfo().username.replace(/[^\w.-]/g, '_')} at the command line`;
  return {
    list: () => using(async (store) => (await store.keys()).map((key) => shownKey(key, Date.now()))),
    async create(request) {
      const asked = parseKeyRequest(request);
      return using(async (store) => {
        const now = Date.now();
        const make = () => createKey(store, asked, { name, now });
        const { text, key } = await audited(store, name, { act: 'keys.create', target: asked.name }, make);
        return { ...shownKey(key, now), key: text };
      });
    },
    revoke: (key) =>
      using((store) =>
        audited(store, name, { act: 'keys.revoke', target: key }, async () => {
          const now = Date.now();
          return shownKey(await revokeKey(store, key, now), now);
        }),
      ),
  };
}

/** With the line of the audit that a server would have written. */
async function audited<T>(
  store: Store,
  actor: string,
  what: { readonly act: string; readonly target: string },
  work: () => Promise<T>,
): Promise<T> {
  const by = { actor, actorKind: 'command_line', actorId: null, session: null } as const;
  const fact = actFact({ ...what, ...by, address: null, route: null }, Date.now());
  await store.append([fact]);
  const end = (outcome: 'done' | 'refused', code: string | null) =>
    store.append([actEndFact(fact.id, { outcome, status: null, code }, Date.now())]);
  try {
    const done = await work();
    await end('done', null);
    return done;
  } catch (error) {
    await end('refused', error instanceof SignalboxError ? error.code : 'internal_error');
    throw error;
  }
}

function list(context: Context, rows: readonly Shown[], json: boolean): number {
  if (json) printJson(context, { keys: rows });
  else if (rows.length === 0) context.write('No keys, except those of SIGNALBOX_API_KEYS.\n');
  else {
    const day = (value: unknown) => (value === null ? 'never' : String(value).slice(0, 16).replace('T', ' '));
    const cells = rows.map((row) => [
      ...[row.id, row.name, (row.scopes as readonly string[]).join(' '), row.status],
      ...[day(row.created_at), row.created_by, day(row.expires_at), day(row.last_used_at)],
    ]);
    const headings = ['key', 'name', 'scopes', 'status', 'created', 'by', 'expires', 'last used'];
    context.write(table(context, headings, cells));
  }
  return 0;
}

function create(context: Context, created: Shown, json: boolean): number {
  if (json) printJson(context, created);
  else {
    context.writeError(
      `${safe(created.name)} (${(created.scopes as string[]).join(' ')}), ${created.expires_at === null ? 'without an end' : `until ${created.expires_at}`}. This is the key; it is shown only now:\n`,
    );
    context.write(`${created.key}\n`);
  }
  return 0;
}

function revoked(context: Context, key: Shown, json: boolean): void {
  if (json) printJson(context, key);
  else context.write(`${safe(key.id)} (${safe(key.name)}) can no longer be used.\n`);
}
