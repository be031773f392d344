import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestApp } from '../../test/fixtures/app.ts';
import type { ServedRoute } from './zones.ts';

const id = '01a1fc7e-324f-7a40-8041-a26047ae360e';

/** Pages, probes and documents for machines may be asked for with anything behind the question mark; so may what senders send to. */
const takesAnything = /^\/(page\/.*|sign-(in|out)|style\.css|health.*|metrics|docs|openapi\.json)?$/;
const isOfApi = ({ method, url, zone }: ServedRoute) =>
  (zone === 'operators' && !takesAnything.test(url)) || (method === 'GET' && url.startsWith('/webhook/'));

test('a parameter that a route does not know is refused by name, with those that it knows', async () => {
  const app = await createTestApp();
  await app.server.ready();
  const routes = app.routes().filter(isOfApi);
  assert.ok(routes.length > 40, `${routes.length} routes`);
  for (const { method, url, schema } of routes) {
    const path = url.replace(/:[a-z_]+/g, id);
    const headers = { host: 'localhost', 'sec-fetch-site': 'same-origin' };
    const response = await app.server.inject({
      method: method as 'GET',
      url: `${path}?limt=1`,
      headers,
      ...((method === 'POST' || method === 'PUT') && { payload: {} }),
    });
    if (method === 'HEAD') {
      assert.equal(response.statusCode, 422, `${method} ${url}`);
      continue;
    }
    const { code, detail, errors } = response.json();
    assert.equal(code, 'invalid_request', `${method} ${url}: ${detail}`);
    const known = Object.keys((schema?.querystring as { properties?: object })?.properties ?? {});
    const expected = known.length === 0 ? 'nothing is taken here' : `known: ${known.join(', ')}`;
    if (detail.includes('body')) continue;
    assert.ok(detail.includes(`querystring/ has "limt", which is not known; ${expected}`), detail);
    assert.equal(errors[0].path, 'querystring/');
  }
});

test('what is known is taken, and what is not is shown cut', async () => {
  const app = await createTestApp();
  const { body } = await app.ask();
  const get = (url: string) => app.server.inject({ url, headers: { host: 'localhost' } });
  const path = `/conversations/${body.tracking_id}`;
  for (const url of [path, `${path}?`, `${path}/events?limit=1`, `${path}/export?format=summary`]) {
    assert.equal((await get(url)).statusCode, 200, url);
  }
  const long = (await get(`${path}?${'x'.repeat(3_000)}=1`)).json();
  assert.ok(long.detail.length < 300, long.detail);
  const several = (await get(`${path}?a=1&b=2`)).json();
  assert.match(several.detail, /"a".*"b"/);
  const many = (
    await get(`/conversations?${Array.from({ length: 3_000 }, (_, n) => `p${n}`).join('&')}`)
  ).json();
  assert.equal(many.errors.length, 20);
});
