import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createTestApp } from '../../../test/fixtures/app.ts';
import { checkAnswer, faultsAgainst } from '../../../test/fixtures/documented.ts';
import type { ServedRoute } from '../zones.ts';
import { Components } from './components.ts';
import { type OpenApi, openApiDocument, pathOf } from './document.ts';

const snapshot = join(import.meta.dirname, '../../../docs/reference/openapi.json');

/** What a route has left out. */
function missingOf({ schema, method, url }: ServedRoute): string[] {
  const has = {
    summary: (schema?.summary ?? '') !== '',
    'response (every status that is no problem)': Object.keys(schema?.response ?? {}).length > 0,
  };
  return Object.entries(has)
    .filter(([, there]) => !there)
    .map(
      ([name]) =>
        `${method} ${url} has no ${name}: give it in { schema: { … } } (src/http/openapi/described.ts)`,
    );
}

const metrics = { text: async () => '', refused: () => {} };

/** With every part that has a route. */
const documentOf = async (): Promise<{ document: OpenApi; routes: readonly ServedRoute[] }> => {
  const app = await createTestApp({ metrics });
  const response = await app.server.inject({ url: '/openapi.json', headers: { host: 'localhost' } });
  return { document: response.json(), routes: app.routes().filter(({ method }) => method !== 'HEAD') };
};

describe('the OpenAPI document', () => {
  test('has every route, and each says what it is and what it answers', async () => {
    const { document, routes } = await documentOf();
    assert.deepEqual(routes.flatMap(missingOf), []);
    for (const { method, url } of routes) {
      assert.ok(document.paths[pathOf(url)]?.[method.toLowerCase()], `${method} ${url} is not in it`);
    }
    assert.equal(missingOf({ method: 'GET', url: '/x', zone: 'operators' }).length, 2);
  });

  test('is the one in docs/reference/openapi.json', async () => {
    const { document } = await documentOf();
    const text = `${JSON.stringify({ ...document, info: { ...document.info, version: '' } }, null, 2)}\n`;
    // `UPDATE_SNAPSHOT=1 node --test src/http/openapi/document.test.ts` writes it.
    if (process.env.UPDATE_SNAPSHOT === '1') writeFileSync(snapshot, text);
    const kept = readFileSync(snapshot, 'utf8');
    assert.equal(
      text === kept,
      true,
      'The routes say something else than docs/reference/openapi.json. If that is meant: UPDATE_SNAPSHOT=1 node --test src/http/openapi/document.test.ts',
    );
  });

  test('refers to nothing that is not there, and every operation has a name of its own', async () => {
    const { document } = await documentOf();
    for (const [, path] of JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)) {
      const found = String(path)
        .split('/')
        .reduce<unknown>((at, name) => (at as Record<string, unknown>)?.[name], document);
      assert.notEqual(found, undefined, String(path));
    }
    const names = Object.values(document.paths).flatMap((methods) =>
      Object.values(methods).map(({ operationId }) => operationId),
    );
    assert.equal(new Set(names).size, names.length);
  });

  test('says which key a route needs, and that probes need none', async () => {
    const { document } = await documentOf();
    assert.deepEqual(document.paths['/webhook']?.post?.security, [
      { bearer: ['ingest'] },
      { apiKey: ['ingest'] },
      { basic: ['ingest'] },
    ]);
    assert.deepEqual(document.paths['/health/live']?.get?.security, []);
    assert.deepEqual(document.paths['/webhooks/{source}']?.post?.security, []);
  });

  test('its examples are what the schemas say', async () => {
    const { document } = await documentOf();
    const examples = Object.entries(document.components.schemas).flatMap(([name, schema]) =>
      ((schema.examples ?? []) as unknown[]).map((example) => ({ name, schema, example })),
    );
    assert.ok(examples.length >= 2);
    for (const { name, schema, example } of examples) {
      assert.deepEqual(faultsAgainst(document, schema, example), [], name);
    }
  });

  test('two schemas of one name are refused', () => {
    const components = new Components();
    const named = (type: string) => ({ title: 'Same', type });
    components.refer(named('string'));
    components.refer(named('string'));
    assert.throws(() => components.refer(named('object')), /Same/);
  });
});

describe('an answer that is not as the document says', () => {
  const answer = Object.assign(() => {}, {
    statusCode: 200,
    headers: { 'content-type': 'application/json' },
  });
  const routes: ServedRoute[] = [
    {
      ...{ method: 'GET', url: '/things/:thing_id', zone: 'operators' },
      schema: {
        summary: 'Show a thing',
        response: { 200: { type: 'object', required: ['a'], properties: { a: { type: 'string' } } } },
      },
    },
  ];
  const document = openApiDocument(routes, '0');
  const seen = (status: number, body: unknown) =>
    checkAnswer(document, {
      method: 'GET',
      url: '/things/1?x',
      status,
      type: String(answer.headers['content-type']),
      body: JSON.stringify(body),
    });

  test('is told: a member that is unknown, one that lacks, one of another type, another status', () => {
    assert.deepEqual(seen(200, { a: 'x' }), []);
    assert.match(seen(200, { a: 'x', b: 1 }).join(), /\bb\b/);
    assert.match(seen(200, {}).join(), /\ba\b/);
    assert.match(seen(200, { a: 1 }).join(), /string/);
    assert.match(seen(201, { a: 'x' }).join(), /201/);
    assert.match(seen(422, { a: 'x' }).join(), /problem/);
  });
});

describe('/docs', () => {
  test('shows every route to people, without a script', async () => {
    const app = await createTestApp();
    const response = await app.server.inject({ url: '/docs', headers: { host: 'localhost' } });
    assert.equal(response.statusCode, 200);
    assert.match(String(response.headers['content-security-policy']), /default-src 'none'/);
    assert.doesNotMatch(response.body, /<script|https?:\/\/(?!www\.w3\.org)/);
    for (const { method, url } of app.routes()) {
      if (method !== 'HEAD')
        assert.ok(response.body.includes(`<strong>${method}</strong> ${pathOf(url)}<`), url);
    }
  });

  test('is for whoever has a key, and for nobody else', async () => {
    const key = 'k'.repeat(20);
    const app = await createTestApp({ apiKeys: `crm:ingest:${key}` });
    const statusOf = async (url: string, headers: Record<string, string>) =>
      (await app.server.inject({ url, headers })).statusCode;
    for (const url of ['/docs', '/openapi.json']) {
      assert.deepEqual([await statusOf(url, {}), await statusOf(url, { 'x-api-key': key })], [401, 200]);
    }
  });
});
