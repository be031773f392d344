import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, beforeEach, describe, test } from 'node:test';
import { discoveryPath, keysPath, startIssuer, type TestIssuer } from '../../../test/fixtures/issuer.ts';
import type { Caller } from '../caller.ts';
import { createFetchJson } from './fetch-json.ts';
import { parseScopeRules } from './scopes.ts';
import { createTokens, isToken, type TokenOptions } from './tokens.ts';

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('tokens of an issuer', () => {
  let issuer: TestIssuer;
  before(async () => {
    issuer = await startIssuer();
    // The first request of a process takes far longer than those that follow.
    await createFetchJson()(new URL(discoveryPath, issuer.url).href);
  });
  beforeEach(() => {
    issuer.instead.clear();
    issuer.asked.clear();
  });
  after(() => issuer.close());

  const open = (options: Partial<TokenOptions> = {}) => {
    const steady = { now: 0 };
    const tokens = createTokens({
      ...{ issuers: [issuer.url], audiences: ['signalbox'], scopeRules: [] },
      ...{ steadyClock: () => steady.now, fetchJson: createFetchJson(300), ...options },
    });
    return { tokens, steady, identify: async (token: string): Promise<Caller> => tokens.identify(token) };
  };
  const refused = (token: Promise<Caller>, reason: RegExp) =>
    assert.rejects(token, (error: { code?: string; message: string }) => {
      assert.equal(error.code, 'unauthenticated');
      assert.match(error.message, reason);
      return true;
    });

  test('are looked after: health sees an issuer that is away, and whether its keys still serve', async () => {
    const { tokens, steady } = open();
    const seen = async () =>
      (await tokens.look()).map(({ problem, isUsable }) => [problem !== undefined, isUsable]);
    assert.deepEqual(await seen(), [[false, true]]);
    await seen();
    assert.equal(issuer.asked.get(keysPath), 1, 'what is fresh is not fetched');
    issuer.instead.set('default', (_, response) => void response.writeHead(500).end());
    steady.now += 11 * 60_000;
    assert.deepEqual(await seen(), [[true, true]]);
    steady.now += 24 * 3_600_000;
    assert.deepEqual(await seen(), [[true, false]]);
    issuer.instead.clear();
    steady.now += 5_000;
    assert.deepEqual(await seen(), [[false, true]]);
  });

  test('say who somebody is and what may be done', async () => {
    const { identify } = open();
    const claims = { scope: 'openid signalbox/read signalbox:operate', email: 'ada@example.org' };
    assert.deepEqual(await identify(await issuer.sign(claims)), {
      ...{ kind: 'token', name: 'ada@example.org', scopes: ['read', 'operate'], id: `${issuer.url} ada` },
    });
    assert.deepEqual((await identify(await issuer.sign())).scopes, [], 'a token alone allows nothing');
  });

  test('get scopes from the claims that are configured, and from no others', async () => {
    const scopeRules = parseScopeRules('admin=cognito:groups=ops,read=https://x.example/roles=viewer')!;
    const { identify } = open({ scopeRules });
    const scopesOf = async (claims: object) => (await identify(await issuer.sign({ ...claims }))).scopes;
    assert.deepEqual(await scopesOf({ 'cognito:groups': ['dev', 'ops'] }), ['admin']);
    assert.deepEqual(await scopesOf({ 'cognito:groups': 'ops dev' }), [], 'not a list of words');
    assert.deepEqual(await scopesOf({ 'https://x.example/roles': 'viewer' }), ['read']);
    assert.deepEqual(await scopesOf({ scope: 'signalbox/admin' }), []);
    assert.equal(parseScopeRules('root=a=b'), undefined);
    assert.equal(parseScopeRules('read=a'), undefined);
  });

  test('name whom they are about, as text', async () => {
    const { identify } = open();
    for (const sub of [5, {}, null, '']) {
      await assert.rejects(async () => identify(await issuer.sign({ sub } as never)), {
        code: 'unauthenticated',
      });
    }
  });

  test('of Cognito name their audience as client_id, and only access tokens do', async () => {
    const { identify } = open();
    const cognito = { aud: undefined, client_id: 'signalbox', token_use: 'access', username: 'ada' };
    assert.equal((await identify(await issuer.sign(cognito))).name, 'ada');
    await refused(identify(await issuer.sign({ ...cognito, token_use: 'id' })), /no access token/);
    await refused(identify(await issuer.sign({ ...cognito, client_id: 'other' })), /another audience/);
    await refused(
      identify(await issuer.sign({ aud: undefined, client_id: 'signalbox' })),
      /another audience/,
    );
    await refused(identify(await issuer.sign({ token_use: 'id' })), /no access token/);
    await refused(identify(await issuer.sign({ nonce: 'n' })), /no access token/);
  });

  test('hold within their times, with a minute for clocks that differ', async () => {
    const { identify } = open();
    const now = Math.floor(Date.now() / 1_000);
    await identify(await issuer.sign({ exp: now - 50 }));
    await identify(await issuer.sign({ nbf: now + 50 }));
    await refused(identify(await issuer.sign({ exp: now - 70 })), /expired/);
    await refused(identify(await issuer.sign({ nbf: now + 70 })), /"nbf"/);
    await refused(identify(await issuer.sign({ exp: undefined })), /"exp" is missing/);
    await refused(identify(await issuer.sign({ sub: undefined })), /"sub" is missing/);
  });

  test('that were verified are remembered, and never longer than they hold', async () => {
    const clock = { now: Date.now() };
    const { tokens } = open({ clock: () => clock.now });
    const token = await issuer.sign({ exp: Math.floor(clock.now / 1_000) + 30 });
    await tokens.identify(token);
    assert.ok(!(tokens.identify(token) instanceof Promise), 'at once');
    clock.now += 59_000;
    assert.ok(!(tokens.identify(token) instanceof Promise));
    clock.now += 32_000;
    await refused(tokens.identify(token) as Promise<Caller>, /expired/);
  });

  test('are refused whoever else has made them', async () => {
    const { identify } = open();
    const token = await issuer.sign({ scope: 'signalbox/admin' });
    const [header, payload, signature] = token.split('.') as [string, string, string];
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
    const kid = JSON.parse(Buffer.from(header, 'base64url').toString()).kid;
    const jwks = (await (await fetch(issuer.url.replace('/pool', keysPath))).json()) as { keys: object[] };
    const hmac = `${part({ alg: 'HS256', kid })}.${payload}`;
    const confused = createHmac('sha256', JSON.stringify(jwks.keys[0])).update(hmac).digest('base64url');
    const cases: [string, RegExp][] = [
      [`${header}.${part({ ...claims, sub: 'eve' })}.${signature}`, /signature does not hold/],
      [`${part({ alg: 'none' })}.${payload}.`, /algorithm/],
      [`${hmac}.${confused}`, /algorithm/],
      [`${header}.${payload}.`, /signature does not hold|cannot be read/],
      [`${header}.${part([])}.${signature}`, /cannot be read|another issuer/],
      [await issuer.sign({ iss: 'https://evil.example' }), /another issuer/],
      [await issuer.sign({ iss: `${issuer.url}/` }), /another issuer/],
      [await issuer.sign({ aud: 'other' }), /another audience/],
      [await issuer.sign({}, { crit: ['x'], x: 1 }).catch(() => `${header}.e30.x`), /./],
    ];
    for (const [forged, reason] of cases) await refused(identify(forged), reason);
    assert.ok(isToken(token));
    for (const key of ['sb_abc.def.ghi', 'eyJ.x.y', `${token}.x`, '']) assert.equal(isToken(key), false, key);
  });

  test('with a key of their own in the header, or a place to get one from, change nothing', async () => {
    const other = await startIssuer();
    const { identify } = open();
    const jwk = ((await (await fetch(other.url.replace('/pool', keysPath))).json()) as { keys: object[] })
      .keys[0];
    const claims = { iss: issuer.url };
    await refused(identify(await other.sign(claims, { jwk, jku: `${other.url}/x` })), /signature|key/);
    assert.equal(other.asked.get('/pool/x'), undefined);
    await other.close();
  });

  test('go on when keys rotate, with one fetch for a key that is new', async () => {
    const { identify, steady } = open();
    const old = await issuer.sign();
    await identify(old);
    assert.deepEqual(Object.fromEntries(issuer.asked), { [discoveryPath]: 1, [keysPath]: 1 });
    await issuer.rotate({ keep: true, algorithm: 'ES256' });
    steady.now += 31_000;
    const fresh = await Promise.all(Array.from({ length: 20 }, (_, n) => issuer.sign({ jti: `${n}` })));
    await Promise.all(fresh.map(identify));
    assert.equal(issuer.asked.get(keysPath), 2);
    await identify(await issuer.sign({ jti: 'after' }));
    assert.equal(issuer.asked.get(keysPath), 2);
    await issuer.rotate();
    steady.now += 11 * 60_000;
    // The old keys serve this once, while they are fetched anew.
    const gone = old.replace(/.{9}$/, (end) => (end.startsWith('A') ? 'B' : 'A') + end.slice(1));
    await refused(identify(gone), /./);
    for (let n = 0; n < 50 && issuer.asked.get(keysPath) !== 3; n++) await new Promise(setImmediate);
    await identify(await issuer.sign({ jti: 'last' }));
    assert.equal(issuer.asked.get(keysPath), 3);
  });

  test('with invented keys cost one fetch in half a minute', async () => {
    const { identify, steady } = open();
    await identify(await issuer.sign());
    for (let n = 0; n < 100; n++) {
      await refused(identify(await issuer.sign({ jti: `${n}` }, { kid: `invented-${n}` })), /key is none/);
      steady.now += 100;
    }
    assert.equal(issuer.asked.get(keysPath), 1);
    steady.now += 30_000;
    await refused(identify(await issuer.sign({ jti: 'x' }, { kid: 'invented' })), /key is none/);
    await refused(identify(await issuer.sign({ jti: 'y' }, { kid: 'invented' })), /key is none/);
    assert.equal(issuer.asked.get(keysPath), 2);
  });

  test('wait for an issuer that is slow, broken, elsewhere or too large no longer than they must', async () => {
    const unavailable = { code: 'issuer_unavailable' };
    const huge = Buffer.alloc(300 * 1_024, ' ');
    const manners: Record<string, Parameters<TestIssuer['instead']['set']>[1]> = {
      slow: () => {},
      'half an answer': (_, response) => void response.write('{"issuer":'),
      500: (_, response) => void response.writeHead(500).end('no'),
      redirect: (_, response) =>
        void response.writeHead(302, { location: 'http://169.254.169.254/latest/meta-data' }).end(),
      huge: (_, response) => void response.end(huge),
      'no JSON': (_, response) => void response.end('<html>'),
      'no object': (_, response) => void response.end('[1]'),
      closed: (request) => void request.socket.destroy(),
    };
    for (const [name, manner] of Object.entries(manners)) {
      for (const path of [discoveryPath, keysPath]) {
        issuer.instead.clear();
        issuer.instead.set(path, manner);
        const { identify, steady } = open();
        await assert.rejects(identify(await issuer.sign()), unavailable, `${name} ${path}`);
        issuer.asked.clear();
        await assert.rejects(identify(await issuer.sign()), unavailable, 'not asked again at once');
        assert.equal(issuer.asked.size, 0);
        issuer.instead.clear();
        steady.now += 5_001;
        await identify(await issuer.sign());
      }
    }
  });

  test('of an issuer whose document is of another one, or names unsafe keys, are refused', async () => {
    const cases = [
      { issuer: 'https://evil.example', jwks_uri: `${issuer.url}/jwks` },
      { issuer: issuer.url, jwks_uri: 'file:///etc/passwd' },
      { issuer: issuer.url, jwks_uri: 'http://u:p@127.0.0.1/' },
      { issuer: issuer.url },
    ];
    for (const document of cases) {
      issuer.instead.set(discoveryPath, (_, response) => void response.end(JSON.stringify(document)));
      await assert.rejects(open().identify(await issuer.sign()), { code: 'issuer_unavailable' });
    }
  });

  test('hold for a day while the issuer is away, and no longer', async () => {
    const { identify, steady } = open();
    await identify(await issuer.sign());
    issuer.instead.set('default', (_, response) => void response.writeHead(503).end());
    steady.now += 23 * 3_600_000;
    await identify(await issuer.sign({ jti: 'a' }));
    steady.now += 2 * 3_600_000;
    await assert.rejects(identify(await issuer.sign({ jti: 'b' })), { code: 'issuer_unavailable' });
  });

  test('every algorithm of public keys is verified', async () => {
    for (const algorithm of ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA']) {
      await issuer.rotate({ algorithm });
      assert.equal((await open().identify(await issuer.sign())).name, 'ada', algorithm);
    }
  });
});
