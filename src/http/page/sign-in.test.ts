import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestApp, type TestApp } from '../../../test/fixtures/app.ts';
import { ownPath } from './sign-in.ts';

const keys = { read: 'r'.repeat(20), operate: 'o'.repeat(20), admin: 'a'.repeat(20) };
const apiKeys = Object.entries(keys)
  .map(([scope, key]) => `${scope}:${scope}:${key}`)
  .join(',');
const host = 'signalbox.example';
const html = { accept: 'text/html' };
const own = { 'sec-fetch-site': 'same-origin', origin: `https://${host}` };

async function call(app: TestApp, method: 'GET' | 'POST', url: string, headers: object = {}, payload = '') {
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const all = { host, ...(method === 'POST' && form), ...headers };
  const response = await app.server.inject({ method, url, headers: all, ...(payload && { payload }) });
  const { statusCode: status, headers: received, body } = response;
  return { status, location: received.location, cookies: [received['set-cookie'] ?? []].flat(), body };
}

const signIn = (app: TestApp, key: string, headers: object = own, next = '/') =>
  call(app, 'POST', '/sign-in', headers, String(new URLSearchParams({ key, next })));

const cookieOf = ({ cookies }: { cookies: string[] }) => ({ cookie: cookies[0]!.split(';')[0]! });

test('who is not signed in is asked to, comes back to the page, and signs out', async () => {
  const app = await createTestApp({ apiKeys });
  const asked = await call(app, 'GET', '/page/dead-letters?after=1', html);
  assert.deepEqual([asked.status, asked.location], [303, '/sign-in?next=%2Fpage%2Fdead-letters%3Fafter%3D1']);
  const form = await call(app, 'GET', String(asked.location), html);
  assert.match(form.body, /name="next" value="\/page\/dead-letters\?after=1"/);
  assert.equal((await call(app, 'GET', '/style.css')).status, 200);
  const begun = await signIn(app, keys.operate, own, '/page/dead-letters?after=1');
  assert.deepEqual([begun.status, begun.location], [303, '/page/dead-letters?after=1']);
  const signedIn = cookieOf(begun);
  const home = await call(app, 'GET', '/', { ...html, ...signedIn });
  assert.equal(home.status, 200);
  assert.match(home.body, /<span>operate<\/span><button type="submit">Sign out/);
  assert.equal((await call(app, 'GET', '/runs', signedIn)).status, 200, 'the API knows it too');
  const out = await call(app, 'POST', '/sign-out', { ...own, ...signedIn });
  assert.equal(out.location, '/sign-in');
  assert.ok(out.cookies.every((cookie) => cookie.includes('Max-Age=0')));
  assert.equal(
    (await call(app, 'GET', '/', { ...html, ...signedIn })).status,
    303,
    'the cookie is worth nothing',
  );
});

test('the cookie is out of reach of scripts, other sites, and behind https of plain http', async () => {
  const app = await createTestApp({ apiKeys });
  const [secure] = (await signIn(app, keys.read)).cookies;
  assert.match(
    String(secure),
    /^__Host-signalbox_session=[\w-]{43}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Lax; Secure$/,
  );
  const [plain] = (await signIn(app, keys.read, { origin: `http://${host}` })).cookies;
  assert.match(
    String(plain),
    /^signalbox_session=[\w-]{43}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Lax$/,
  );
  const behind = await createTestApp({ apiKeys, publicUrl: `https://${host}` });
  const [known] = (await signIn(behind, keys.read, { origin: `http://${host}` })).cookies;
  assert.match(String(known), /^__Host-/);
  const value = String(known).slice('__Host-signalbox_session='.length, 68);
  const tossed = { cookie: `signalbox_session=${value}` };
  assert.equal(
    (await call(behind, 'GET', '/runs', tossed)).status,
    401,
    'one without the prefix was set by others',
  );
  assert.equal((await call(behind, 'GET', '/runs', { cookie: `__Host-${tossed.cookie}` })).status, 200);
});

test('a session is another one after each sign-in, never the one that came', async () => {
  const app = await createTestApp({ apiKeys });
  const fixed = { cookie: `__Host-signalbox_session=${'f'.repeat(43)}` };
  const first = cookieOf(await signIn(app, keys.read, { ...own, ...fixed }));
  assert.notEqual(first.cookie, fixed.cookie);
  assert.equal((await call(app, 'GET', '/runs', fixed)).status, 401);
  const second = cookieOf(await signIn(app, keys.operate, { ...own, ...first }));
  assert.equal((await call(app, 'GET', '/runs', first)).status, 401, 'the one before has ended');
  assert.equal((await call(app, 'GET', '/runs', second)).status, 200);
});

test('no other page steers with the session of a browser', async () => {
  const app = await createTestApp({ apiKeys });
  const session = cookieOf(await signIn(app, keys.admin));
  const id = '01a1fc7e-324f-7a40-8041-a26047ae360e';
  const steering = app
    .routes()
    .filter(({ zone, method, url }) => zone === 'operators' && method === 'POST' && url !== '/sign-in');
  assert.ok(steering.length > 8);
  const foreign: Record<string, object> = {
    'another site': { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
    'another site, an old browser': { origin: 'https://evil.example' },
    'a sibling host': { origin: `https://other.${host}`, 'sec-fetch-site': 'same-site' },
    'another port': { origin: `https://${host}:8443`, 'sec-fetch-site': 'same-site' },
    'a sandboxed frame': { origin: 'null' },
    'a link that was opened': { 'sec-fetch-site': 'none' },
    'no sign of where it is from': {},
  };
  for (const { url } of steering) {
    const path = url.replace(/:\w+/g, id);
    for (const [name, headers] of Object.entries(foreign)) {
      const { status, body } = await call(app, 'POST', path, { ...headers, ...session });
      assert.equal(status, 403, `${url} from ${name}: ${body}`);
    }
    const { status } = await call(app, 'POST', path, { ...own, ...session });
    assert.ok(status !== 403 && status !== 401, `${url} from its own page: ${status}`);
    if (url === '/sign-out') Object.assign(session, cookieOf(await signIn(app, keys.admin)));
  }
});

test('signing in from another site, with a wrong key, or too often is refused, and on the record', async () => {
  const app = await createTestApp({ apiKeys });
  const evil = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };
  assert.equal((await signIn(app, keys.read, evil)).status, 403);
  const wrong = await signIn(app, 'w'.repeat(20));
  assert.equal(wrong.status, 401);
  assert.deepEqual(wrong.cookies, []);
  assert.match(wrong.body, /This key is not one of this server/);
  assert.ok(!wrong.body.includes('wwww'), 'nobody sees what was typed');
  const good = cookieOf(await signIn(app, keys.admin));
  assert.equal((await call(app, 'POST', '/page/ask', good, 'query=x')).status, 403);
  const { acts } = JSON.parse((await call(app, 'GET', '/audit', good)).body);
  assert.deepEqual(
    acts.map((act: Record<string, unknown>) => [act.act, act.actor, act.outcome, act.status]),
    [
      ['access.refused', 'unknown', 'refused', 403],
      ['session.begin', 'admin', 'done', 303],
      ['access.refused', 'unknown', 'refused', 401],
      ['access.refused', 'unknown', 'refused', 403],
    ],
  );
  const statuses: number[] = [];
  for (let n = 0; n < 21; n++) statuses.push((await signIn(app, 'no key of anybody')).status);
  assert.equal(statuses.at(0), 401);
  assert.equal(statuses.at(-1), 429);
  assert.equal(
    (await signIn(app, keys.read)).status,
    303,
    'whoever has a key is not held back by who has none',
  );
});

test('an act that came with a session says so', async () => {
  const app = await createTestApp({ apiKeys });
  const session = cookieOf(await signIn(app, keys.admin));
  const form = { ...own, ...session };
  await call(app, 'POST', '/page/ask', form, 'query=What+deals+are+closing');
  const { acts } = JSON.parse((await call(app, 'GET', '/audit', session)).body);
  const [asked, begun] = acts;
  assert.deepEqual([asked.act, asked.actor, asked.outcome], ['questions.ask', 'admin', 'done']);
  assert.match(asked.session, /^[0-9a-f]{8}$/);
  assert.equal(begun.session, null);
});

test('only a path of this server comes after signing in', () => {
  const good = ['/', '/page/dead-letters?after=1', '/page/conversations/1#x'];
  assert.deepEqual(good.map(ownPath), ['/', '/page/dead-letters?after=1', '/page/conversations/1']);
  const bad = [
    ...['//evil.example', '/\\evil.example', 'https://evil.example', 'javascript:alert(1)', '', 'x'],
    ...['/\t/evil.example', '/\n', '/x\r\nSet-Cookie: a=b', '/..//evil.example', `/${'x'.repeat(2_000)}`],
  ];
  for (const next of [undefined, ...bad]) assert.equal(ownPath(next), '/', String(next));
});

test('without keys nobody needs to sign in', async () => {
  const app = await createTestApp();
  const asked = await app.server.inject({
    url: '/sign-in?next=/page/dead-letters',
    headers: { host: 'localhost' },
  });
  assert.deepEqual([asked.statusCode, asked.headers.location], [303, '/page/dead-letters']);
});
