import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestApp, type TestApp } from '../../test/fixtures/app.ts';
import { startIssuer } from '../../test/fixtures/issuer.ts';
import { mayDo, type Scope, scopes } from '../core/api-keys.ts';
import { createTokens } from '../identity/oidc/tokens.ts';
import type { ServedRoute } from './zones.ts';

const id = '01a1fc7e-324f-7a40-8041-a26047ae360e';
const own = { 'sec-fetch-site': 'same-origin' };
const keyOf = (scope: string) => scope.padEnd(20, '.');
const apiKeys = scopes.map((scope) => `${scope}:${scope}:${keyOf(scope)}`).join(',');

interface KindOfCaller {
  readonly name: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Undefined: nobody that the server knows. */
  readonly scopes?: readonly Scope[];
}

async function signIn(app: TestApp): Promise<string> {
  const headers = { host: 'localhost', 'content-type': 'application/x-www-form-urlencoded', ...own };
  const payload = `key=${keyOf('operate')}`;
  const response = await app.server.inject({ method: 'POST', url: '/sign-in', headers, payload });
  return String(response.headers['set-cookie']).split(';')[0]!;
}

/** Everybody who may come to a door, with what each brings. */
async function kindsOfCallers(
  cookie: string,
  sign: (claims: object) => Promise<string>,
): Promise<KindOfCaller[]> {
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
  const basic = `Basic ${Buffer.from(`me:${keyOf('read')}`).toString('base64')}`;
  const valid = await sign({ scope: 'signalbox/operate' });
  const never = keyOf('nobody');
  return [
    { name: 'nobody', headers: {} },
    { name: 'a wrong key', headers: bearer(never) },
    { name: 'a wrong key in its own header', headers: { 'x-api-key': never } },
    { name: 'a scheme that is not known', headers: { authorization: `Digest ${keyOf('admin')}` } },
    { name: 'an expired token', headers: bearer(await sign({ scope: 'signalbox/admin', exp: 1 })) },
    { name: 'a token for others', headers: bearer(await sign({ scope: 'signalbox/admin', aud: 'x' })) },
    { name: 'a token that was changed', headers: bearer(`${valid.slice(0, -8)}AAAAAAAA`) },
    { name: 'a cookie of no session', headers: { ...own, cookie: `signalbox_session=${'i'.repeat(43)}` } },
    ...scopes.map((scope) => ({ name: `a key to ${scope}`, headers: bearer(keyOf(scope)), scopes: [scope] })),
    { name: 'a key in its own header', headers: { 'x-api-key': keyOf('operate') }, scopes: ['operate'] },
    { name: 'a browser with a password', headers: { authorization: basic }, scopes: ['read'] },
    { name: 'a browser that has signed in', headers: { ...own, cookie }, scopes: ['operate'] },
    { name: 'a token without scopes', headers: bearer(await sign({})), scopes: [] },
    { name: 'a token to operate', headers: bearer(valid), scopes: ['operate'] },
  ];
}

/** 401 for whoever is not known, 403 for whoever may not; anything else means that the door is open. */
function expected({ scopes: wanted }: ServedRoute, caller: KindOfCaller): 401 | 403 | 'open' {
  if (wanted === undefined) return 'open';
  if (caller.scopes === undefined) return 401;
  return wanted.some((scope) => mayDo({ scopes: caller.scopes! }, scope)) ? 'open' : 403;
}

async function seen(app: TestApp, { method, url }: ServedRoute, caller: KindOfCaller) {
  const path = url.replace(/:\w+/g, id).replace('*', 'x');
  const headers = { host: 'localhost', ...caller.headers };
  const { statusCode } = await app.server.inject({ method: method as 'GET', url: path, headers });
  return statusCode === 401 || statusCode === 403 ? statusCode : 'open';
}

/** Which scopes a route may ask for, by its zone and what it does. */
const allowed: Readonly<Record<string, readonly Scope[]>> = {
  'senders GET': ['ingest', 'read'],
  'senders POST': ['ingest'],
  'senders OPTIONS': ['ingest'],
  'operators GET': ['ingest', 'read', 'admin'],
  'operators POST': ['operate', 'admin'],
  'operators PUT': ['operate', 'admin'],
  'operators DELETE': ['operate', 'admin'],
};

/** Whoever comes here is verified by what is sent, or needs not be known. */
const withoutScope =
  /^(senders (GET|POST|OPTIONS) \/(webhooks|events|agents)|probes |operators (GET|POST) \/(sign-in|sign-out|style\.css))/;

test('who gets in where: every route of every zone, every kind of caller', async (context) => {
  const issuer = await startIssuer();
  context.after(() => issuer.close());
  const tokens = createTokens({ issuers: [issuer.url], audiences: ['signalbox'], scopeRules: [] });
  const app = await createTestApp({ apiKeys, tokens });
  const callers = await kindsOfCallers(await signIn(app), (claims) => issuer.sign({ ...claims }));
  const routes = app.routes().filter(({ method }) => method !== 'HEAD');
  const table: [string, string, unknown][] = [];
  for (const route of routes) {
    const name = `${route.zone} ${route.method} ${route.url}`;
    if (route.scopes === undefined) assert.match(name, withoutScope);
    const most = allowed[`${route.zone} ${route.method}`] ?? [];
    for (const scope of route.scopes ?? [])
      assert.ok(most.includes(scope), `${name} asks for ${scope} alone`);
    if (route.scopes === undefined) continue;
    for (const caller of callers) table.push([name, caller.name, await seen(app, route, caller)]);
  }
  const wanted = routes
    .filter((route) => route.scopes !== undefined)
    .flatMap((route) =>
      callers.map((caller) => [
        `${route.zone} ${route.method} ${route.url}`,
        caller.name,
        expected(route, caller),
      ]),
    );
  assert.deepEqual(table, wanted);
  assert.ok(table.length > 400);
});
